#pragma once

#include <string>

namespace ipcbridge::doctor {

// What to do about a system call that the kernel answers with this errno.
std::string remedy_for(int error);

// How a user raises the limit of open files, and that of threads.
std::string raise_open_files();
std::string raise_threads();

// What a user gives a process more CPUs with.
std::string give_cpus();

}  // namespace ipcbridge::doctor
