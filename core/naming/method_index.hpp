#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipcbridge {

// Finds the number of a method, its place in the list that a service has sent. Sorted and not hashed: the names are the
// peer's, up to 65,536 of them, and could be chosen to collide.
class MethodIndex {
 public:
  MethodIndex() = default;
  // `methods` outlives the index and stays as it is.
  explicit MethodIndex(const std::vector<std::string>& methods);

  // Of equal names the first.
  std::optional<std::uint32_t> find(std::string_view name) const;

 private:
  const std::vector<std::string>* methods_ = nullptr;
  std::vector<std::uint32_t> by_name_;
};

}  // namespace ipcbridge
