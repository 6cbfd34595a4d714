// Client: the methods that its connections offer, and which of these takes a call.
#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/endpoint/client.hpp"
#include "core/naming/near_matches.hpp"

namespace ipcbridge {
namespace {

// Names come from whoever calls, and stay: of those that nothing is known of, only so many.
constexpr std::size_t kMostGuesses = 1024;

}  // namespace

Connection* Client::usual_connection() {
  Connection* usual = nullptr;
  for (const Link& link : links_) {
    if (!link.usable) continue;
    const bool is_idler =
        usual == nullptr || link.connection->session().pending_calls() < usual->session().pending_calls();
    if (is_idler) usual = link.connection;
  }
  return usual;
}

// The least busy connection that offers the method: what a service says of itself counts before what is known here. Of
// equals the one that has waited for longest.
Client::Link* Client::pick(std::uint32_t method, const std::vector<const Link*>& full) {
  if (full.size() == links_.size()) return nullptr;
  if (links_.size() == 1) return links_.front().usable ? &links_.front() : nullptr;
  const std::size_t share = fair_share();
  Link* best = nullptr;
  std::tuple<bool, std::size_t, std::uint64_t> best_load;
  for (Link& link : links_) {
    if (!link.usable || link.remote[method] == kNotOffered) continue;
    if (std::find(full.begin(), full.end(), &link) != full.end()) continue;
    const std::size_t pending = link.connection->session().pending_calls();
    if (pending >= share) continue;
    const bool is_busy = link.connection->channel().peer_activity(kNever).has_value();
    const std::tuple load(is_busy, pending, link.turn);
    if (best != nullptr && load >= best_load) continue;
    best = &link;
    best_load = load;
  }
  if (best != nullptr) best->turn = ++choices_;
  return best;
}

// The first connection to open is not to get all that has waited for the first few.
std::size_t Client::fair_share() const {
  constexpr std::size_t kAnyNumber = ~std::size_t{0};
  TimePoint now = kNever;
  std::size_t calls = queued_calls_;
  std::size_t open = 0;
  std::size_t opening = 0;
  for (const Link& link : links_) {
    if (link.usable) {
      ++open;
      calls += link.connection->session().pending_calls();
    } else if (link.connection != nullptr) {
      if (now == kNever) now = context().now();
      if (now < link.expected_until) ++opening;
    }
  }
  if (opening == 0) return kAnyNumber;
  const std::size_t takers = open + opening;
  return std::max<std::size_t>(1, (calls + takers - 1) / takers);
}

std::uint32_t Client::intern_method(std::string_view name) {
  const auto [at, is_new] = numbers_.try_emplace(std::string(name), static_cast<std::uint32_t>(names_.size()));
  if (is_new) {
    names_.emplace_back(name);
    for (Link& link : links_) {
      if (link.usable) link.remote.push_back(link.connection->find_method(name).value_or(kNotOffered));
    }
  }
  return at->second;
}

Result<std::uint32_t> Client::find_method(std::string_view name) {
  if (const auto found = numbers_.find(std::string(name)); found != numbers_.end()) return found->second;
  if (offers(name)) return intern_method(name);
  if (any_usable()) return not_offered(name);
  if (guesses_ == kMostGuesses) {
    return Error{Code::kUnavailable, std::string(name) + "() could not be sent: there is no connection to " + where() +
                                         ", and too many methods that it did not offer wait for one already"};
  }
  ++guesses_;
  return intern_method(name);
}

// Now, or when the service was last heard of.
bool Client::offers(std::string_view name) const {
  const auto offered_by = [name](const Link& link) { return link.usable && link.connection->find_method(name); };
  return std::any_of(links_.begin(), links_.end(), offered_by) ||
         std::find(methods_.begin(), methods_.end(), name) != methods_.end();
}

void Client::map_methods(Link& link) {
  link.remote.clear();
  for (const std::string& name : names_) {
    link.remote.push_back(link.connection->find_method(name).value_or(kNotOffered));
  }
}

Status Client::check_offered(std::uint32_t method) const {
  const bool offered = std::any_of(links_.begin(), links_.end(),
                                   [&](const Link& link) { return link.usable && link.remote[method] != kNotOffered; });
  if (offered) return {};
  return not_offered(names_[method]);
}

Error Client::not_offered(std::string_view name) const {
  return {Code::kUnimplemented,
          "the service has no method '" + std::string(name) + "'" + did_you_mean(name, usable_methods({}))};
}

// Those who share an address need not offer the same.
bool Client::note_methods(const std::vector<std::string>& latest) {
  if (latest == methods_) return false;
  return std::exchange(methods_, usable_methods(latest)) != methods_;
}

// What its connections offer, after what is given.
std::vector<std::string> Client::usable_methods(const std::vector<std::string>& first) const {
  std::vector<std::string> methods = first;
  std::unordered_set<std::string_view> known(first.begin(), first.end());
  for (const Link& link : links_) {
    if (!link.usable) continue;
    const std::vector<std::string>& offered = link.connection->peer_hello().methods;
    if (offered == first) continue;
    for (const std::string& name : offered) {
      if (known.insert(name).second) methods.push_back(name);
    }
  }
  return methods;
}

}  // namespace ipcbridge
