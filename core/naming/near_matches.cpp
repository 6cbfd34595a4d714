#include "core/naming/near_matches.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <utility>

namespace ipcbridge {
namespace {

constexpr std::size_t kMost = 3;
constexpr std::size_t kMaxCandidates = 1024;
constexpr std::size_t kMaxLength = 64;  // longer names are compared by their beginnings

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// Optimal string alignment: Levenshtein's distance in which swapping two neighbours is one edit.
std::size_t distance(std::string_view a, std::string_view b) {
  const std::size_t width = b.size() + 1;
  std::vector<std::size_t> d((a.size() + 1) * width);
  for (std::size_t i = 0; i <= a.size(); ++i) d[i * width] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t same = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
      std::size_t best =
          std::min({d[(i - 1) * width + j] + 1, d[i * width + j - 1] + 1, d[(i - 1) * width + j - 1] + same});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) best = std::min(best, d[(i - 2) * width + j - 2] + 1);
      d[i * width + j] = best;
    }
  }
  return d.back();
}

}  // namespace

std::vector<std::string> near_matches(std::string_view name, const std::vector<std::string>& candidates) {
  // The list may be a peer's, and comparing with tens of thousands of names takes long.
  if (candidates.size() > kMaxCandidates) return {};
  const std::string_view wanted = name.substr(0, kMaxLength);
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const std::string& candidate : candidates) {
    if (candidate.starts_with('_')) continue;
    const std::string_view shown = std::string_view(candidate).substr(0, kMaxLength);
    const std::size_t edits = distance(wanted, shown);
    const std::size_t tolerated = std::max<std::size_t>(1, std::max(wanted.size(), shown.size()) / 3);
    if (edits <= tolerated) found.emplace_back(edits, candidate);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (std::size_t i = 0; i < found.size() && i < kMost; ++i) names.push_back(found[i].second);
  return names;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  const std::vector<std::string> near = near_matches(name, candidates);
  if (near.empty()) return {};
  std::string text = " (did you mean ";
  for (std::size_t i = 0; i < near.size(); ++i) {
    if (i > 0) text += i + 1 == near.size() ? " or " : ", ";
    text += "'" + near[i] + "'";
  }
  return text + "?)";
}

}  // namespace ipcbridge
