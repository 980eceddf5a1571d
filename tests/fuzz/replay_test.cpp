#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "fuzz/targets.hpp"

/// Inputs that were worth keeping, found by `make fuzz` or made by hand: whatever once was a finding stays mended.
namespace tributary::fuzz {
namespace {

namespace fs = std::filesystem;

class Replay : public testing::TestWithParam<Target> {};

TEST_P(Replay, EveryInputOfTheCorpusIsTaken) {
  const auto& target = GetParam();
  int inputs = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(TRIBUTARY_SOURCE_DIR) / "tests/fuzz/corpus" / target.name)) {
    SCOPED_TRACE(entry.path().string());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(file), {}};
    target.run(input);
    // A beginning of it is an input, too: what was cut off is what parsers stumble over most.
    for (std::size_t size = 0; size < input.size(); size += 1 + input.size() / 64)
      target.run(std::string_view(input).substr(0, size));
    ++inputs;
  }
  EXPECT_GT(inputs, 0) << "the corpus of " << target.name << " is empty";
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Replay, testing::ValuesIn(targets().begin(), targets().end()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tributary::fuzz
