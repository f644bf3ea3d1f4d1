#include "device/choose.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "device/access.hpp"

namespace weir::device {
namespace {

/// A backend to try, and which of its devices.
struct Wish {
  std::string backend;
  std::string device = {};  // an index, or a part of the name; empty: any
};

Wish wish_in(const std::string& text) {
  const std::size_t colon = text.find(':');
  return {text.substr(0, colon), colon == std::string::npos ? "" : text.substr(colon + 1)};
}

std::vector<Wish> wishes_in(const std::string& text) {
  std::vector<Wish> all;
  std::istringstream list(text);
  for (std::string part; std::getline(list, part, ',');) {
    all.push_back(wish_in(part));
    if (all.back().backend.empty()) {
      throw InvalidArgument(
          "WEIR_DEVICE=\"" + text + "\": it must be a comma-separated list of backend, backend:index or backend:name",
          {.name = "WEIR_DEVICE"});
    }
  }
  return all;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  return text;
}

bool meant(const DeviceInfo& device, const std::string& which) {
  if (which.empty()) return true;
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(which.data(), which.data() + which.size(), index);
  if (error == std::errc() && end == which.data() + which.size()) return device.index == index;
  return lower(device.name).find(lower(which)) != std::string::npos;
}

/// Why the device is not what was asked for; empty if it is.
std::string lacking(const DeviceInfo& device, const DeviceRequest& request) {
  if (request.index && *request.index != device.index) return "is not number " + std::to_string(*request.index);
  if (!meant(device, request.name)) return "is not named \"" + request.name + "\"";
  if (request.min_memory != 0 && device.memory_total && *device.memory_total < request.min_memory) {
    return "has " + format_bytes(*device.memory_total) + " of the " + format_bytes(request.min_memory) + " needed";
  }
  if (request.min_memory != 0 && !device.memory_total) return "does not say how much memory it has";
  if (request.needs_virtual_memory && !device.virtual_memory) return "has no virtual memory";
  if (request.needs_pointers && !device.pointers) return "has memory that the host cannot use";
  return {};
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

const Provider& provider(const std::vector<Provider>& all, const std::string& name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Provider& each) { return each.name == name; });
  if (found != all.end()) return *found;
  std::vector<std::string> names;
  for (const Provider& each : all) names.push_back(each.name);
  throw NotFound("open_device: no backend \"" + name + "\"; there are: " + joined(names, ", "), {.name = name});
}

std::vector<Wish> order(const std::vector<Provider>& providers, const DeviceRequest& request,
                        const std::optional<std::string>& wish, std::string& by) {
  if (!request.backend.empty()) {
    by = "requested";
    return {wish_in(request.backend)};
  }
  std::vector<Wish> all;
  if (!request.preference.empty()) {
    by = "first in the requested order";
    for (const std::string& name : request.preference) all.push_back(wish_in(name));
  } else if (wish) {
    by = "requested by WEIR_DEVICE=" + *wish;
    all = wishes_in(*wish);
  } else {
    by = "the best available";
    for (const Provider& each : providers) {
      if (!each.only_by_name) all.push_back({each.name});
    }
  }
  return all;
}

}  // namespace

bool each_that_fits(const Origin& origin, std::string& by, std::vector<std::string>& passed,
                    const std::function<bool(const Provider& backend, const DeviceInfo& device)>& take) {
  const DeviceRequest& request = origin.request;
  const bool unnamed = request.backend.empty() && request.preference.empty() && !origin.wish && request.name.empty();
  for (const Wish& each : order(origin.providers, request, origin.wish, by)) {
    const Provider& backend = provider(origin.providers, each.backend);
    std::string why_none;
    const std::vector<DeviceInfo> devices = backend.list(false, why_none);
    if (devices.empty()) passed.push_back(backend.name + ": " + why_none);
    for (const DeviceInfo& device : devices) {
      std::string reason = meant(device, each.device) ? lacking(device, request) : "is not \"" + each.device + "\"";
      if (reason.empty() && device.emulated && unnamed) {
        reason = "is emulated on the host's processor; name its backend to open it";
      }
      if (reason.empty()) {
        try {
          if (take(backend, device)) return true;
          continue;
        } catch (const InvalidArgument&) {
          throw;
        } catch (const Error& error) {
          reason = "cannot be opened: " + error.message();
        }
      }
      passed.push_back(backend.name + ": " + device.name + " " + reason);
    }
  }
  return false;
}

Device choose(const std::vector<Provider>& providers, const DeviceRequest& request,
              const std::optional<std::string>& wish) {
  const auto origin = std::make_shared<const Origin>(Origin{providers, request, wish});
  std::string by;
  std::vector<std::string> passed;
  std::optional<Device> chosen;
  each_that_fits(*origin, by, passed, [&](const Provider& backend, const DeviceInfo& device) {
    auto opened = backend.open(device.index, request);
    std::string why = device.name + " (" + backend.name + "): " + by;
    if (!passed.empty()) why += "; passed over: " + joined(passed, "; ");
    chosen = Access::make_device(std::move(opened), std::move(why), origin);
    return true;
  });
  if (chosen) return *chosen;
  throw NotFound("open_device: no device fits (" + by + "); " + joined(passed, "; "),
                 {.name = request.backend.empty() ? "device" : request.backend});
}

}  // namespace weir::device
