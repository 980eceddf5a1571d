#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "clickhouse/options.hpp"

struct LZ4F_cctx_s;
struct LZ4F_dctx_s;
struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace tributary::clickhouse::detail {

/// Packs one body. REQUIRES: method is not none.
class Compressor {
 public:
  explicit Compressor(Compression method);
  /// Appends to `out` what is ready of the packed bytes.
  void write(std::span<const std::byte> bytes, std::vector<std::byte>& out);
  /// Appends the rest. Nothing may follow.
  void finish(std::vector<std::byte>& out);

 private:
  struct Free {
    void operator()(LZ4F_cctx_s* context) const;
    void operator()(ZSTD_CCtx_s* context) const;
  };
  void write_lz4(std::span<const std::byte> bytes, std::vector<std::byte>& out);
  void write_zstd(std::span<const std::byte> bytes, std::vector<std::byte>& out, bool end);

  std::unique_ptr<LZ4F_cctx_s, Free> lz4_;
  std::unique_ptr<ZSTD_CCtx_s, Free> zstd_;
  bool begun_ = false;
};

/// Unpacks one body, of one frame or several. REQUIRES: method is not none.
class Decompressor {
 public:
  explicit Decompressor(Compression method);
  /// Takes from the front of `packed` what it needs to fill `out`, and returns how many bytes it filled. Zero with `packed` used up: more is needed.
  /// Throws Error{protocol} on bytes that are not of this method.
  std::size_t read(std::span<const std::byte>& packed, std::span<std::byte> out);
  /// Nothing is missing: the last frame was read to its end.
  bool complete() const { return complete_; }

 private:
  struct Free {
    void operator()(LZ4F_dctx_s* context) const;
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<LZ4F_dctx_s, Free> lz4_;
  std::unique_ptr<ZSTD_DCtx_s, Free> zstd_;
  bool complete_ = true;
};

}  // namespace tributary::clickhouse::detail
