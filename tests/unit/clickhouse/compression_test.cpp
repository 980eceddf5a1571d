#include "clickhouse/detail/compression.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "bytes.hpp"
#include "clickhouse/error.hpp"

namespace tributary::clickhouse::detail {
namespace {

std::vector<std::byte> packed(Compression method, std::string_view text, std::size_t piece_size = 10'000) {
  Compressor compressor(method);
  std::vector<std::byte> out;
  for (std::size_t at = 0; at < text.size(); at += piece_size) compressor.write(bytes_of(text.substr(at, piece_size)), out);
  compressor.finish(out);
  return out;
}

struct Unpacked {
  std::string text;
  bool complete;
};

Unpacked unpacked(Compression method, std::span<const std::byte> bytes, std::size_t piece_size, std::size_t room) {
  Decompressor decompressor(method);
  Unpacked result{};
  std::vector<std::byte> out(room);
  while (!bytes.empty()) {
    auto piece = bytes.first(std::min(piece_size, bytes.size()));
    bytes = bytes.subspan(piece.size());
    while (const auto size = decompressor.read(piece, out)) result.text += text_of(std::span(out).first(size));
    EXPECT_TRUE(piece.empty());
  }
  result.complete = decompressor.complete();
  return result;
}

class CompressionTest : public testing::TestWithParam<Compression> {};

TEST_P(CompressionTest, WhatIsPackedUnpacksHoweverItIsCut) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += std::to_string(i * 7919 % 100'003);
  const auto bytes = packed(GetParam(), text);
  EXPECT_LT(bytes.size(), text.size());
  for (const auto& [piece, room] : {std::pair(1, 65'536), std::pair(1'000'000'000, 100), std::pair(4'096, 4'096)}) {
    const auto result = unpacked(GetParam(), bytes, static_cast<std::size_t>(piece), static_cast<std::size_t>(room));
    EXPECT_TRUE(result.text == text) << piece;
    EXPECT_TRUE(result.complete) << piece;
  }
}

TEST_P(CompressionTest, NothingIsAFrameToo) {
  const auto bytes = packed(GetParam(), "");
  EXPECT_FALSE(bytes.empty());
  const auto result = unpacked(GetParam(), bytes, 3, 10);
  EXPECT_EQ(result.text, "");
  EXPECT_TRUE(result.complete);
}

TEST_P(CompressionTest, SeveralFramesAreOneBody) {
  auto bytes = packed(GetParam(), "one,");
  const auto second = packed(GetParam(), "two");
  bytes.insert(bytes.end(), second.begin(), second.end());
  EXPECT_EQ(unpacked(GetParam(), bytes, 5, 2).text, "one,two");
}

TEST_P(CompressionTest, ABodyThatEndsInTheMiddleIsNotComplete) {
  const auto bytes = packed(GetParam(), std::string(1'000, 'x'));
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_FALSE(unpacked(GetParam(), std::span(bytes).first(size), 7, 100).complete) << size;
  }
}

TEST_P(CompressionTest, OtherBytesAreRefused) {
  const std::string text = "Code: 62. DB::Exception: Syntax error";
  EXPECT_THROW(unpacked(GetParam(), bytes_of(text), 100, 100), Error);
}

INSTANTIATE_TEST_SUITE_P(Methods, CompressionTest, testing::Values(Compression::lz4, Compression::zstd),
                         [](const auto& info) { return info.param == Compression::lz4 ? "Lz4" : "Zstd"; });

RC_GTEST_PROP(Compression, IsWithoutLoss, (const std::string& text)) {
  const auto piece = *rc::gen::inRange<std::size_t>(1, 50);
  for (const auto method : {Compression::lz4, Compression::zstd}) {
    RC_ASSERT(unpacked(method, packed(method, text, piece), piece, 64).text == text);
  }
}

}  // namespace
}  // namespace tributary::clickhouse::detail
