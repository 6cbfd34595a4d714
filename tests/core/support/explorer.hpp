#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

// Explicit-state exploration: every state that a model can reach, by breadth, so that each witness is a shortest one.
namespace ipcbridge::model {

// Who makes a step. The environment is whatever waits for nobody: a peer, a clock.
using Actor = std::uint8_t;
inline constexpr Actor kEnvironment = 0;

template <typename State>
struct Step {
  State to;
  std::string_view name;
  bool spurious = false;  // may happen, must not be needed
  Actor actor = kEnvironment;
  std::string_view who = "";
};

struct Verdict {
  std::size_t states = 0;
  bool live = true;        // from every reachable state a final one is reachable without luck
  std::string_view fault;  // of the first state that must not be
  bool spins = false;      // an actor can go round in circles while everybody else stands still
  std::string witness;     // the steps to the first state that shows one of these, in this order
};

// `steps(state)` gives what can happen next, `is_final(state)` whether all is done, and `fault_of(state)` what is wrong
// with a state, "" if nothing is.
template <typename State, typename Steps, typename IsFinal, typename FaultOf>
class Explorer {
  static_assert(std::has_unique_object_representations_v<State>, "the hash reads the bytes");

 public:
  Explorer(const Steps& steps, const IsFinal& is_final, const FaultOf& fault_of)
      : steps_(steps), is_final_(is_final), fault_of_(fault_of) {}

  Verdict run(const State& initial) {
    Verdict verdict;
    visit(initial, 0, {}, {});
    for (std::size_t at = 0; at < nodes_.size(); ++at) {
      const State state = *nodes_[at].state;
      if (verdict.fault.empty()) {
        verdict.fault = fault_of_(state);
        if (!verdict.fault.empty()) verdict.witness = trace(at);
      }
      for (const Step<State>& next : steps_(state)) {
        const std::size_t to = visit(next.to, at, next.who, next.name);
        if (!next.spurious) edges_.push_back({Number(at), Number(to), next.actor});
      }
    }
    verdict.states = nodes_.size();
    const std::size_t stuck = first_stuck();
    verdict.live = stuck == nodes_.size();
    if (!verdict.live && verdict.witness.empty()) verdict.witness = trace(stuck);
    const std::size_t spinning = first_spinning();
    verdict.spins = spinning != nodes_.size();
    if (verdict.spins && verdict.witness.empty()) verdict.witness = trace(spinning);
    return verdict;
  }

 private:
  using Number = std::uint32_t;

  struct Hash {
    std::size_t operator()(const State& state) const {
      return std::hash<std::string_view>()({reinterpret_cast<const char*>(&state), sizeof state});
    }
  };
  struct Node {
    const State* state;
    std::size_t parent;
    std::string_view who;
    std::string_view by;
  };
  struct Edge {
    Number from;
    Number to;
    Actor actor;
  };

  std::size_t visit(const State& state, std::size_t parent, std::string_view who, std::string_view by) {
    const auto [at, is_new] = seen_.try_emplace(state, nodes_.size());
    if (is_new) nodes_.push_back(Node{&at->first, parent, who, by});
    return at->second;
  }

  std::string trace(std::size_t to) const {
    std::vector<std::size_t> path;
    for (std::size_t at = to; at != 0; at = nodes_[at].parent) path.push_back(at);
    std::string text;
    for (auto at = path.rbegin(); at != path.rend(); ++at) {
      const Node& node = nodes_[*at];
      text.append(node.who).append(node.who.empty() ? "" : " ").append(node.by).append("\n");
    }
    return text;
  }

  // The edges that `wanted` picks, turned round: for each node those that lead to it.
  template <typename Wanted>
  std::pair<std::vector<std::size_t>, std::vector<Number>> predecessors(const Wanted& wanted) const {
    std::vector<std::size_t> begin(nodes_.size() + 1, 0);
    for (const Edge& edge : edges_) begin[edge.to + 1] += static_cast<std::size_t>(wanted(edge));
    for (std::size_t at = 1; at < begin.size(); ++at) begin[at] += begin[at - 1];
    std::vector<Number> from(begin.back());
    std::vector<std::size_t> next = begin;
    for (const Edge& edge : edges_) {
      if (wanted(edge)) from[next[edge.to]++] = edge.from;
    }
    return {std::move(begin), std::move(from)};
  }

  // The first node from which no final state can be reached.
  std::size_t first_stuck() const {
    const auto [begin, from] = predecessors([](const Edge&) { return true; });
    std::vector<bool> can_finish(nodes_.size());
    std::vector<std::size_t> work;
    for (std::size_t at = 0; at < nodes_.size(); ++at) {
      if (is_final_(*nodes_[at].state)) work.push_back(at);
    }
    while (!work.empty()) {
      const std::size_t at = work.back();
      work.pop_back();
      if (can_finish[at]) continue;
      can_finish[at] = true;
      for (std::size_t i = begin[at]; i < begin[at + 1]; ++i) work.push_back(from[i]);
    }
    std::size_t at = 0;
    while (at < nodes_.size() && can_finish[at]) ++at;
    return at;
  }

  // The first node from which an actor may never come to rest by itself.
  std::size_t first_spinning() const {
    std::size_t first = nodes_.size();
    Actor last = kEnvironment;
    for (const Edge& edge : edges_) last = edge.actor > last ? edge.actor : last;
    for (unsigned actor = 1; actor <= last; ++actor) {
      const auto its = [actor](const Edge& edge) { return edge.actor == actor; };
      const auto [begin, from] = predecessors(its);
      std::vector<Number> ways(nodes_.size(), 0);  // out of each node, to where it may spin
      for (const Edge& edge : edges_) ways[edge.from] += static_cast<Number>(its(edge));
      std::vector<std::size_t> work;
      for (std::size_t at = 0; at < nodes_.size(); ++at) {
        if (ways[at] == 0) work.push_back(at);
      }
      while (!work.empty()) {
        const std::size_t at = work.back();
        work.pop_back();
        for (std::size_t i = begin[at]; i < begin[at + 1]; ++i) {
          if (--ways[from[i]] == 0) work.push_back(from[i]);
        }
      }
      std::size_t at = 0;
      while (at < first && ways[at] == 0) ++at;
      first = at;
    }
    return first;
  }

  const Steps& steps_;
  const IsFinal& is_final_;
  const FaultOf& fault_of_;
  std::unordered_map<State, std::size_t, Hash> seen_;
  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
};

template <typename State, typename Steps, typename IsFinal, typename FaultOf>
Verdict explore(const State& initial, const Steps& steps, const IsFinal& is_final, const FaultOf& fault_of) {
  return Explorer<State, Steps, IsFinal, FaultOf>(steps, is_final, fault_of).run(initial);
}

}  // namespace ipcbridge::model
