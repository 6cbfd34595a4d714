#include "core/naming/method_index.hpp"

#include <algorithm>
#include <numeric>

namespace ipcbridge {

MethodIndex::MethodIndex(const std::vector<std::string>& methods) : methods_(&methods), by_name_(methods.size()) {
  std::iota(by_name_.begin(), by_name_.end(), 0U);
  std::stable_sort(by_name_.begin(), by_name_.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return methods[a] < methods[b]; });
}

std::optional<std::uint32_t> MethodIndex::find(std::string_view name) const {
  const auto found =
      std::lower_bound(by_name_.begin(), by_name_.end(), name,
                       [this](std::uint32_t at, std::string_view text) { return (*methods_)[at] < text; });
  if (found == by_name_.end() || (*methods_)[*found] != name) return std::nullopt;
  return *found;
}

}  // namespace ipcbridge
