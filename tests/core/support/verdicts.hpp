#pragma once

#include <cstddef>

#include <gtest/gtest.h>

#include "tests/core/support/explorer.hpp"

namespace ipcbridge::model {

// Nobody is stranded, or spins, in any interleaving of the model; which has at least so many states.
inline void expect_sound(const Verdict& verdict, std::size_t least_states) {
  EXPECT_TRUE(verdict.live) << "stuck after:\n" << verdict.witness;
  EXPECT_EQ(verdict.fault, "") << "after:\n" << verdict.witness;
  EXPECT_FALSE(verdict.spins) << "somebody spins after:\n" << verdict.witness;
  EXPECT_GT(verdict.states, least_states) << "the model has lost most of its interleavings";
}

// The model has a mistake in it.
inline void expect_found(const Verdict& verdict) {
  EXPECT_TRUE(!verdict.live || verdict.spins || !verdict.fault.empty());
  EXPECT_NE(verdict.witness, "");
}

}  // namespace ipcbridge::model
