#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ipcbridge {

// Up to three of the candidates that look most like the name, the most alike first: what a person who
// mistyped may have meant.
std::vector<std::string> near_matches(std::string_view name, const std::vector<std::string>& candidates);

// " (did you mean 'add' or 'and'?)", or nothing.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace ipcbridge
