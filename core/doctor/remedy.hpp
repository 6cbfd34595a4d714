#pragma once

#include <string>

namespace ipcbridge::doctor {

// What to do about a system call that the kernel answers with this errno.
std::string remedy_for(int error);

// How a user raises the limit of open files.
std::string raise_open_files();

}  // namespace ipcbridge::doctor
