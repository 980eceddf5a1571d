#include "clickhouse/embedded/codec.hpp"

#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace tributary::clickhouse::embedded {
namespace {

/// In the order in which they are preferred: cheap ones first.
constexpr std::array<std::pair<std::string_view, Encoding>, 4> kNames{
    {{"lz4", Encoding::lz4}, {"zstd", Encoding::zstd}, {"gzip", Encoding::gzip}, {"deflate", Encoding::deflate}}};

/// What every codec does with its input.
class Buffered : public Codec {
 public:
  void put(std::span<const char> input) override { input_ = input; }
  void finish() override { finishing_ = true; }

 protected:
  void consume(std::size_t size) { input_ = input_.subspan(size); }
  [[noreturn]] static void cut_off() { throw CodecError("the compressed body is cut off"); }

  std::span<const char> input_;
  bool finishing_ = false;
};

class Identity : public Buffered {
 public:
  std::size_t take(std::span<char> output) override {
    const auto size = std::min(output.size(), input_.size());
    std::ranges::copy(input_.first(size), output.begin());
    consume(size);
    return size;
  }
};

// ---- gzip and deflate ---------------------------------------------------------------------------------------------------------------

constexpr int kGzipWindow = 15 + 16;
constexpr int kEitherWindow = 15 + 32;  // zlib or gzip, as the header says

class Zlib : public Buffered {
 public:
  ~Zlib() override = default;

 protected:
  template <class Step>
  std::size_t turn(std::span<char> output, Step step) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input_.data()));
    stream_.avail_in = static_cast<uInt>(input_.size());
    stream_.next_out = reinterpret_cast<Bytef*>(output.data());
    stream_.avail_out = static_cast<uInt>(output.size());
    step();
    consume(input_.size() - stream_.avail_in);
    return output.size() - stream_.avail_out;
  }
  z_stream stream_{};
};

class ZlibDecoder final : public Zlib {
 public:
  ZlibDecoder() {
    if (inflateInit2(&stream_, kEitherWindow) != Z_OK) throw std::bad_alloc();
  }
  ~ZlibDecoder() override { inflateEnd(&stream_); }

  std::size_t take(std::span<char> output) override {
    if (ended_ && input_.empty()) return 0;
    if (ended_) restart();
    const auto size = turn(output, [this] {
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END)
        ended_ = true;
      else if (status != Z_OK && status != Z_BUF_ERROR)
        throw CodecError("the body is not what its Content-Encoding says");
    });
    if (size == 0 && finishing_ && !ended_) cut_off();
    return size;
  }

 private:
  /// Several gzip members one after the other are one body.
  void restart() {
    inflateReset(&stream_);
    ended_ = false;
  }
  bool ended_ = false;
};

class ZlibEncoder final : public Zlib {
 public:
  explicit ZlibEncoder(int window) {
    if (deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  }
  ~ZlibEncoder() override { deflateEnd(&stream_); }

  std::size_t take(std::span<char> output) override {
    return turn(output, [this] { deflate(&stream_, finishing_ ? Z_FINISH : Z_NO_FLUSH); });
  }
};

// ---- lz4 ----------------------------------------------------------------------------------------------------------------------------

std::size_t lz4_checked(std::size_t status) {
  if (LZ4F_isError(status) != 0) throw CodecError(std::string("lz4: ") + LZ4F_getErrorName(status));
  return status;
}

class Lz4Decoder final : public Buffered {
 public:
  Lz4Decoder() { lz4_checked(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)); }
  ~Lz4Decoder() override { LZ4F_freeDecompressionContext(context_); }

  std::size_t take(std::span<char> output) override {
    auto produced = output.size();
    auto consumed = input_.size();
    if (consumed > 0 || inside_) {
      inside_ = lz4_checked(LZ4F_decompress(context_, output.data(), &produced, input_.data(), &consumed, nullptr)) != 0;
      consume(consumed);
    } else {
      produced = 0;
    }
    if (produced == 0 && finishing_ && inside_) cut_off();
    return produced;
  }

 private:
  LZ4F_dctx* context_ = nullptr;
  bool inside_ = false;  ///< of a frame
};

class Lz4Encoder final : public Buffered {
 public:
  Lz4Encoder() { lz4_checked(LZ4F_createCompressionContext(&context_, LZ4F_VERSION)); }
  ~Lz4Encoder() override { LZ4F_freeCompressionContext(context_); }

  std::size_t take(std::span<char> output) override {
    if (given_ == ready_.size()) prepare();
    const auto size = std::min(output.size(), ready_.size() - given_);
    std::memcpy(output.data(), ready_.data() + given_, size);
    given_ += size;
    return size;
  }

 private:
  void prepare() {
    given_ = 0;
    ready_.resize(LZ4F_HEADER_SIZE_MAX + LZ4F_compressBound(input_.size(), nullptr));
    std::size_t size = 0;
    const auto space = [&] { return ready_.size() - size; };
    if (!begun_) size += lz4_checked(LZ4F_compressBegin(context_, ready_.data(), space(), nullptr));
    begun_ = true;
    if (!input_.empty())
      size += lz4_checked(LZ4F_compressUpdate(context_, ready_.data() + size, space(), input_.data(), input_.size(), nullptr));
    consume(input_.size());
    if (finishing_ && !ended_) {
      size += lz4_checked(LZ4F_compressEnd(context_, ready_.data() + size, space(), nullptr));
      ended_ = true;
    }
    ready_.resize(size);
  }

  LZ4F_cctx* context_ = nullptr;
  std::vector<char> ready_;
  std::size_t given_ = 0;
  bool begun_ = false;
  bool ended_ = false;
};

// ---- zstd ---------------------------------------------------------------------------------------------------------------------------

std::size_t zstd_checked(std::size_t status) {
  if (ZSTD_isError(status) != 0) throw CodecError(std::string("zstd: ") + ZSTD_getErrorName(status));
  return status;
}

class ZstdDecoder final : public Buffered {
 public:
  ZstdDecoder() : stream_(ZSTD_createDStream(), ZSTD_freeDStream) {}

  std::size_t take(std::span<char> output) override {
    if (input_.empty() && !inside_) return 0;
    ZSTD_inBuffer in{input_.data(), input_.size(), 0};
    ZSTD_outBuffer out{output.data(), output.size(), 0};
    inside_ = zstd_checked(ZSTD_decompressStream(stream_.get(), &out, &in)) != 0;
    consume(in.pos);
    if (out.pos == 0 && finishing_ && inside_) cut_off();
    return out.pos;
  }

 private:
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream_;
  bool inside_ = false;  ///< of a frame
};

class ZstdEncoder final : public Buffered {
 public:
  ZstdEncoder() : stream_(ZSTD_createCStream(), ZSTD_freeCStream) {}

  std::size_t take(std::span<char> output) override {
    if (ended_) return 0;
    ZSTD_inBuffer in{input_.data(), input_.size(), 0};
    ZSTD_outBuffer out{output.data(), output.size(), 0};
    const auto left = zstd_checked(ZSTD_compressStream2(stream_.get(), &out, &in, finishing_ ? ZSTD_e_end : ZSTD_e_continue));
    consume(in.pos);
    ended_ = finishing_ && left == 0;
    return out.pos;
  }

 private:
  std::unique_ptr<ZSTD_CStream, std::size_t (*)(ZSTD_CStream*)> stream_;
  bool ended_ = false;
};

}  // namespace

std::optional<Encoding> encoding_named(std::string_view name) {
  if (name.empty() || name == "identity") return Encoding::identity;
  for (const auto& [known, encoding] : kNames) {
    if (name == known) return encoding;
  }
  return std::nullopt;
}

std::string_view name_of(Encoding encoding) {
  for (const auto& [name, known] : kNames) {
    if (encoding == known) return name;
  }
  return "identity";
}

Encoding choose_encoding(std::string_view accepted) {
  for (const auto& [name, encoding] : kNames) {
    if (accepted.find(name) != std::string_view::npos) return encoding;
  }
  return Encoding::identity;
}

std::unique_ptr<Codec> make_decoder(Encoding encoding) {
  switch (encoding) {
    case Encoding::gzip:
    case Encoding::deflate:
      return std::make_unique<ZlibDecoder>();
    case Encoding::lz4:
      return std::make_unique<Lz4Decoder>();
    case Encoding::zstd:
      return std::make_unique<ZstdDecoder>();
    case Encoding::identity:
      break;
  }
  return std::make_unique<Identity>();
}

std::unique_ptr<Codec> make_encoder(Encoding encoding) {
  switch (encoding) {
    case Encoding::gzip:
      return std::make_unique<ZlibEncoder>(kGzipWindow);
    case Encoding::deflate:
      return std::make_unique<ZlibEncoder>(MAX_WBITS);
    case Encoding::lz4:
      return std::make_unique<Lz4Encoder>();
    case Encoding::zstd:
      return std::make_unique<ZstdEncoder>();
    case Encoding::identity:
      break;
  }
  return std::make_unique<Identity>();
}

}  // namespace tributary::clickhouse::embedded
