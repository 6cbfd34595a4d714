#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/core/shm/sleep_model.hpp"

namespace ipcbridge::model {
namespace {

static_assert(std::has_unique_object_representations_v<State>, "the hash reads the bytes");

struct Hash {
  std::size_t operator()(const State& state) const {
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(&state), sizeof state});
  }
};

}  // namespace

Verdict explore(const Model& model) {
  struct Node {
    const State* state;
    std::size_t parent;
    std::string_view by;
    std::vector<std::size_t> predecessors = {};
    bool can_finish = false;
  };
  std::unordered_map<State, std::size_t, Hash> seen;
  std::vector<Node> nodes;
  const auto visit = [&](const State& state, std::size_t parent, std::string_view by) {
    const auto [at, is_new] = seen.try_emplace(state, nodes.size());
    if (is_new) nodes.push_back(Node{&at->first, parent, by});
    return at->second;
  };

  Verdict verdict;
  visit(State{}, 0, "");
  for (std::size_t at = 0; at < nodes.size(); ++at) {
    const State state = *nodes[at].state;
    if (state.write - state.read_index > model.capacity) verdict.within = false;
    for (const Step& next : steps(model, state)) {
      const std::size_t to = visit(next.to, at, next.name);
      if (!next.spurious) nodes[to].predecessors.push_back(at);
    }
  }

  std::vector<std::size_t> work;
  for (std::size_t at = 0; at < nodes.size(); ++at) {
    if (is_final(*nodes[at].state)) work.push_back(at);
  }
  while (!work.empty()) {
    Node& node = nodes[work.back()];
    work.pop_back();
    if (std::exchange(node.can_finish, true)) continue;
    work.insert(work.end(), node.predecessors.begin(), node.predecessors.end());
  }

  verdict.states = nodes.size();
  const auto stuck = std::find_if(nodes.begin(), nodes.end(), [](const Node& node) { return !node.can_finish; });
  verdict.live = stuck == nodes.end();
  if (verdict.live) return verdict;
  std::vector<std::string_view> trace;
  for (auto at = static_cast<std::size_t>(stuck - nodes.begin()); at != 0; at = nodes[at].parent) {
    trace.push_back(nodes[at].by);
  }
  std::for_each(trace.rbegin(), trace.rend(),
                [&](std::string_view name) { verdict.witness += std::string(name) + "\n"; });
  return verdict;
}

}  // namespace ipcbridge::model
