// A library that is no module of ours.
namespace {
[[maybe_unused]] const int kNothing = 0;
}
