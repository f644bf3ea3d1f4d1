// Buffers: made, found, grown, viewed, freed, and what happens when they are used wrongly.
#include <cstdio>
#include <vector>
#include <weir/weir.hpp>
using namespace weir::literals;

int main() {
  // [make]
  weir::MemoryManager memory(weir::open_device(), {.name = "graph", .pool = {.limit = 1_GiB}});
  auto nodes = memory.create<float>("nodes", 1000);                        // of the manager, by name
  auto edges = memory.create<int>("edges", std::vector<int>{0, 1, 1, 2});  // with contents
  {
    const auto scratch = memory.scoped<double>("scratch", 64);  // freed at the end of the scope
    std::printf("%s: %zu elements\n", "scratch", scratch.size());
  }
  std::printf("scratch is %s\n", memory.contains("scratch") ? "there" : "gone");
  // [/make]

  // [grow]
  nodes.ensure_capacity(1100);  // max(1000 × growth, 1100) = 1500: the size stays 1000
  nodes.resize(1100);
  std::printf("nodes: %zu of %zu\n", nodes.size(), nodes.capacity());
  // [/grow]

  // [move]
  memory.upload(nodes, std::vector<float>{1, 2, 3}, weir::StreamId::legacy_default,
                {.offset = 10});  // elements 10 to 12
  std::vector<float> three(3);
  memory.download(nodes, three, weir::StreamId::legacy_default, {.offset = 10});
  const std::vector<int> all = memory.download(edges);
  std::printf("%g %g %g and %zu edges\n", double{three[0]}, double{three[1]}, double{three[2]}, all.size() / 2);
  // [/move]

  // [wrong]
  const auto tell = [](const char* what, auto&& call) {
    try {
      call();
    } catch (const weir::Error& error) {
      std::printf("%s: %s\n", what, error.what());
    }
  };
  tell("unknown", [&] { static_cast<void>(memory.find<float>("node")); });
  tell("another type", [&] { static_cast<void>(memory.find<double>("nodes")); });
  tell("out of range", [&] { static_cast<void>(nodes.view(1099, 2)); });
  memory.free("edges");
  tell("freed", [&] { static_cast<void>(edges.size()); });
  // [/wrong]

  // [batch]
  weir::Batch batch(memory);
  batch.create<int>("marks", 100).update(nodes, std::vector<float>{7}, 0).read(nodes, 0, 2);
  const auto results = batch.submit(weir::StreamId::legacy_default, {.all_or_nothing = true});
  std::printf("%zu results, nodes[0] = %g\n", results.size(), double{results[2].data<float>()[0]});
  // [/batch]
  return results[2].data<float>()[0] == 7 ? 0 : 1;
}
