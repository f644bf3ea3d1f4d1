// See report_page.hpp.
#include "report_page.hpp"

#include <fmt/format.h>

#include <utility>

#include "page_parts.hpp"

namespace weir::tool {
namespace {

using nlohmann::json;

/// What the page has to know to read a pool's columns, and to name what is in them.
json shape_of(const PoolPage& pool) {
  json regions = json::array();
  for (const replay::AddressRegion& each : pool.regions) {
    regions.push_back({fmt::format("{:x}", each.address), each.bytes});
  }
  json levels = json::array();
  for (const replay::Level& each : pool.levels.levels) levels.push_back({each.step, each.buckets.size()});
  return {{"changes", pool.history.changes.size()},
          {"lives", pool.history.lives.size()},
          {"mapped", pool.history.mapped.size()},
          {"transfers", pool.history.transfers.size()},
          {"marks", pool.history.marks.size()},
          {"reserved_before", pool.history.reserved_before},
          {"levels", std::move(levels)},
          {"checkpoint_step", replay::Levels::first_step},
          {"regions", std::move(regions)},
          {"bands", pool.bands.names},
          {"bands_by_size", pool.bands.by_size}};
}

}  // namespace

std::vector<PoolPage> pages_of(const replay::Recording& recording, std::vector<replay::History> histories) {
  std::vector<PoolPage> pages;
  for (std::size_t i = 0; i < histories.size(); ++i) {
    PoolPage page;
    page.history = std::move(histories[i]);
    page.bands = replay::bands_of(recording.pools[i], recording.names, page.history);
    page.levels = replay::levels_of(page.history, page.bands);
    page.regions = replay::regions_of(page.history);
    pages.push_back(std::move(page));
  }
  return pages;
}

void write_page(json model, const std::vector<PoolPage>& pools, const std::vector<std::string>& names,
                const std::function<void(std::string_view)>& write) {
  write(page_start());
  model["names"] = names;
  std::vector<std::string> data;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    const std::string columns = columns_of(pools[i]);
    json& shape = model["pools"][i]["shape"];
    shape = shape_of(pools[i]);
    shape["bytes"] = columns.size();
    data.push_back(base64(packed(columns)));
  }
  write("<script type=\"application/json\" id=\"model\">");
  write(harmless_text(model));
  write("</script>\n");
  for (std::size_t i = 0; i < data.size(); ++i) {
    write(fmt::format("<script type=\"text/plain\" id=\"pool-{}\">", i));
    write(data[i]);
    write("</script>\n");
  }
  write(page_end());
}

}  // namespace weir::tool
