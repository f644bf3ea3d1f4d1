// See gzip.hpp. The work is zlib's; a build that found none says so when it meets gzip data.
#include "files/gzip.hpp"

#ifdef WEIR_HAS_ZLIB
#include <zlib.h>
#endif

#include <algorithm>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include <weir/errors.hpp>

namespace weir::files {

#ifdef WEIR_HAS_ZLIB

namespace {

constexpr std::size_t input_bytes = std::size_t{64} << 10;
constexpr int only_gzip = 16 + MAX_WBITS;  // as zlib's manual has it: a gzip header, and the largest window

}  // namespace

struct GzipReader::Inflater {
  z_stream stream{};
};

void GzipReader::Close::operator()(Inflater* inflater) const noexcept {
  inflateEnd(&inflater->stream);
  delete inflater;
}

GzipReader::GzipReader(Source source) : source_(std::move(source)), input_(input_bytes) {
  auto made = std::make_unique<Inflater>();
  if (inflateInit2(&made->stream, only_gzip) != Z_OK) throw std::bad_alloc();
  inflater_.reset(made.release());
}

bool GzipReader::more_input() {
  z_stream& stream = inflater_->stream;
  if (stream.avail_in != 0) return true;
  stream.avail_in = static_cast<uInt>(source_.read(input_));
  stream.next_in = reinterpret_cast<Bytef*>(input_.data());
  return stream.avail_in != 0;
}

std::size_t GzipReader::read(std::span<char> to) {
  z_stream& stream = inflater_->stream;
  std::size_t filled = 0;
  while (filled < to.size()) {
    if (!more_input()) {
      cut_ = !ended_;
      break;
    }
    if (ended_ && *stream.next_in == 0) {  // tapes and the like pad files with zeros, over which gzip passes
      ++stream.next_in;
      --stream.avail_in;
      continue;
    }
    if (ended_) inflateReset(&stream);
    ended_ = false;
    const std::size_t left = std::min<std::size_t>(to.size() - filled, std::numeric_limits<uInt>::max());
    stream.next_out = reinterpret_cast<Bytef*>(to.data() + filled);
    stream.avail_out = static_cast<uInt>(left);
    const int result = inflate(&stream, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      throw ParseError("its gzip data are damaged" +
                       (stream.msg != nullptr ? " (" + std::string(stream.msg) + ")" : std::string()) +
                       "; copy the file again");
    }
    filled += left - stream.avail_out;
    unpacked_ += left - stream.avail_out;
    if (unpacked_ > max_bytes) {
      throw ParseError("its gzip data expand to more than " + std::to_string(max_bytes >> 30) + " GiB" +
                       "; if that is no fault, unpack it first");
    }
    ended_ = result == Z_STREAM_END;
  }
  return filled;
}

#else

struct GzipReader::Inflater {};

void GzipReader::Close::operator()(Inflater* inflater) const noexcept { delete inflater; }

GzipReader::GzipReader(Source source) : source_(std::move(source)) {
  throw ParseError("is gzip data, and this build of weir has no zlib; unpack it first");
}

std::size_t GzipReader::read(std::span<char> to) { return to.size() - to.size(); }

#endif

Source GzipReader::unpacked(Source packed) {
  const auto reader = std::make_shared<GzipReader>(std::move(packed));
  return {[reader](std::span<char> to) { return reader->read(to); }, [reader] { return reader->is_cut(); }};
}

}  // namespace weir::files
