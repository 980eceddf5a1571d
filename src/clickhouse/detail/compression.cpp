#include "clickhouse/detail/compression.hpp"

#include <lz4frame.h>
#include <zstd.h>

#include <new>
#include <string>

#include "clickhouse/error.hpp"

namespace tributary::clickhouse::detail {
namespace {

constexpr int kZstdLevel = 1;  // the wire is not an archive
constexpr std::size_t kPiece = 256 * 1024;

std::size_t checked_lz4(std::size_t result) {
  if (LZ4F_isError(result) != 0) throw Error(ErrorKind::protocol, std::string("LZ4: ") + LZ4F_getErrorName(result));
  return result;
}

std::size_t checked_zstd(std::size_t result) {
  if (ZSTD_isError(result) != 0) throw Error(ErrorKind::protocol, std::string("zstd: ") + ZSTD_getErrorName(result));
  return result;
}

/// Room for `size` bytes at the end of `out`, which `fill` uses and says how much of.
template <class Fill>
void append(std::vector<std::byte>& out, std::size_t size, Fill fill) {
  const auto before = out.size();
  out.resize(before + size);
  out.resize(before + fill(out.data() + before));
}

}  // namespace

void Compressor::Free::operator()(LZ4F_cctx_s* context) const { LZ4F_freeCompressionContext(context); }
void Compressor::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }
void Decompressor::Free::operator()(LZ4F_dctx_s* context) const { LZ4F_freeDecompressionContext(context); }
void Decompressor::Free::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

Compressor::Compressor(Compression method) {
  if (method == Compression::lz4) {
    LZ4F_cctx* context = nullptr;
    checked_lz4(LZ4F_createCompressionContext(&context, LZ4F_VERSION));
    lz4_.reset(context);
  } else {
    zstd_.reset(ZSTD_createCCtx());
    if (!zstd_) throw std::bad_alloc();
    checked_zstd(ZSTD_CCtx_setParameter(zstd_.get(), ZSTD_c_compressionLevel, kZstdLevel));
  }
}

void Compressor::write(std::span<const std::byte> bytes, std::vector<std::byte>& out) {
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kPiece));
    bytes = bytes.subspan(piece.size());
    if (lz4_)
      write_lz4(piece, out);
    else
      write_zstd(piece, out, false);
  }
}

void Compressor::finish(std::vector<std::byte>& out) {
  if (!lz4_) return write_zstd({}, out, true);
  if (!begun_) write_lz4({}, out);
  append(out, LZ4F_compressBound(0, nullptr),
         [&](std::byte* to) { return checked_lz4(LZ4F_compressEnd(lz4_.get(), to, LZ4F_compressBound(0, nullptr), nullptr)); });
}

void Compressor::write_lz4(std::span<const std::byte> bytes, std::vector<std::byte>& out) {
  if (!begun_) {
    append(out, LZ4F_HEADER_SIZE_MAX,
           [&](std::byte* to) { return checked_lz4(LZ4F_compressBegin(lz4_.get(), to, LZ4F_HEADER_SIZE_MAX, nullptr)); });
    begun_ = true;
  }
  if (bytes.empty()) return;
  const auto bound = LZ4F_compressBound(bytes.size(), nullptr);
  append(out, bound, [&](std::byte* to) {
    return checked_lz4(LZ4F_compressUpdate(lz4_.get(), to, bound, bytes.data(), bytes.size(), nullptr));
  });
}

void Compressor::write_zstd(std::span<const std::byte> bytes, std::vector<std::byte>& out, bool end) {
  ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
  for (std::size_t left = 1; end ? left > 0 : input.pos < input.size;) {
    append(out, ZSTD_CStreamOutSize(), [&](std::byte* to) {
      ZSTD_outBuffer output{to, ZSTD_CStreamOutSize(), 0};
      left = checked_zstd(ZSTD_compressStream2(zstd_.get(), &output, &input, end ? ZSTD_e_end : ZSTD_e_continue));
      return output.pos;
    });
  }
}

Decompressor::Decompressor(Compression method) {
  if (method == Compression::lz4) {
    LZ4F_dctx* context = nullptr;
    checked_lz4(LZ4F_createDecompressionContext(&context, LZ4F_VERSION));
    lz4_.reset(context);
  } else {
    zstd_.reset(ZSTD_createDCtx());
    if (!zstd_) throw std::bad_alloc();
    checked_zstd(
        ZSTD_DCtx_setParameter(zstd_.get(), ZSTD_d_windowLogMax, 27));  // at most 128 MiB, whatever a stranger's frame asks for
  }
}

std::size_t Decompressor::read(std::span<const std::byte>& packed, std::span<std::byte> out) {
  std::size_t filled = 0;
  bool stalled = false;
  while (filled < out.size() && !stalled) {
    std::size_t taken = 0;
    std::size_t given = 0;
    std::size_t missing = 0;
    if (lz4_) {
      taken = packed.size();
      given = out.size() - filled;
      missing = checked_lz4(LZ4F_decompress(lz4_.get(), out.data() + filled, &given, packed.data(), &taken, nullptr));
    } else {
      ZSTD_inBuffer input{packed.data(), packed.size(), 0};
      ZSTD_outBuffer output{out.data() + filled, out.size() - filled, 0};
      missing = checked_zstd(ZSTD_decompressStream(zstd_.get(), &output, &input));
      taken = input.pos;
      given = output.pos;
    }
    packed = packed.subspan(taken);
    filled += given;
    stalled = taken == 0 && given == 0;
    if (!stalled) complete_ = missing == 0;
    if (complete_ && packed.empty()) break;
  }
  return filled;
}

}  // namespace tributary::clickhouse::detail
