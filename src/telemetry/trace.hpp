#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/uuid.hpp"
#include "telemetry/metrics.hpp"

/// Spans of OpenTelemetry's traces: what a unit of work was part of, how long it took, and how it ended.
namespace tributary::telemetry {

/// An id in hexadecimal digits.
std::string id_text(std::span<const std::byte> id);

/// Which span of which trace. What travels to whoever continues it, in the form of W3C Trace Context.
struct TraceContext {
  std::array<std::byte, 16> trace{};
  std::array<std::byte, 8> span{};
  bool sampled = false;  ///< false: the trace is not recorded, and nobody who continues it records anything either

  bool valid() const { return trace != decltype(trace){} && span != decltype(span){}; }
  std::string traceparent() const;  ///< "00-<trace>-<span>-01"; REQUIRES: valid
  /// nullopt where it is not one.
  static std::optional<TraceContext> parse(std::string_view traceparent);
  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

/// What there was to do for whom, as OpenTelemetry numbers it.
enum class SpanKind : std::uint8_t { internal = 1, client = 3, producer = 4, consumer = 5 };

struct Attribute {
  std::string key;
  std::variant<std::int64_t, bool, std::string> value;
};

/// A span that has ended.
struct SpanRecord {
  TraceContext context;
  std::array<std::byte, 8> parent{};  ///< all zero: it is the first of its trace
  std::string_view name;              ///< a literal
  SpanKind kind = SpanKind::internal;
  std::chrono::system_clock::time_point began;
  std::chrono::nanoseconds took{0};
  std::vector<Attribute> attributes;
  std::vector<TraceContext> links;   ///< spans of other traces that it continues, too
  std::optional<std::string> error;  ///< why what it stands for failed
};

class Tracer;

/// A unit of work under way, from Tracer::start() to end() or its destruction. One that is not recorded does nothing at every call.
/// Threads: one at a time. Lifetime: the tracer outlives it.
class Span {
 public:
  Span() = default;  ///< of no trace
  Span(Span&&) noexcept = default;
  Span& operator=(Span&& other) noexcept;
  ~Span() { end(); }

  bool recorded() const { return record_ != nullptr; }
  /// For what continues it. Not valid where it is of no trace.
  const TraceContext& context() const { return context_; }
  void set(std::string_view key, std::int64_t value);
  void set(std::string_view key, bool value);
  void set(std::string_view key, std::string_view value);
  void set(std::string_view key, const std::string& value) { set(key, std::string_view(value)); }
  void set(std::string_view key, const char* value) { set(key, std::string_view(value)); }
  void set(std::string_view key, std::uint64_t value) { set(key, static_cast<std::int64_t>(value)); }
  void set(std::string_view key, const Uuid& value) {
    if (recorded()) set(key, value.to_string());
  }
  void set(std::string_view key, int value) { set(key, std::int64_t{value}); }
  void link(const TraceContext& other);
  /// It failed: `type` as a program tells it ("57014"), `message` for people. No secrets.
  void fail(std::string_view type, std::string_view message);
  /// A part of it.
  Span child(std::string_view name, SpanKind kind = SpanKind::internal) const;
  std::chrono::steady_clock::time_point began() const { return began_; }  ///< REQUIRES: recorded
  /// It began before it was known.
  void began_at(std::chrono::steady_clock::time_point when);
  void end();
  /// There was nothing to do after all: nobody is told.
  void forget() { record_.reset(); }

 private:
  friend class Tracer;
  Tracer* tracer_ = nullptr;
  TraceContext context_;
  std::unique_ptr<SpanRecord> record_;
  std::chrono::steady_clock::time_point began_;
};

struct TracerParams {
  double ratio = 1;  ///< of the traces that begin here, so many are recorded: 0 to 1
  std::size_t most_waiting = 8192;  ///< spans that wait to be sent; more are dropped and counted
};

/// Makes spans and keeps those that have ended until somebody takes them. Where there is none, nothing is traced: hand over a null pointer.
/// Threads: any. Memory: most_waiting spans, of about half a KiB each.
class Tracer {
 public:
  Tracer(TracerParams params, Metrics& metrics);

  /// A part of `parent`'s trace, recorded where that is; where `parent` is not valid, the beginning of a trace.
  Span start(std::string_view name, const TraceContext& parent = {}, SpanKind kind = SpanKind::internal);

  /// At most so many of those that have ended, oldest first.
  std::vector<SpanRecord> take(std::size_t most);
  /// `many` spans wait: calls `tell`, on whatever thread ended the last of them. REQUIRES: no span is under way.
  void notify(std::size_t many, std::function<void()> tell);

 private:
  friend class Span;
  void keep(SpanRecord record);

  const TracerParams params_;
  Counter& dropped_;
  std::size_t many_ = 0;
  std::function<void()> tell_;
  std::mutex mutex_;
  std::mt19937_64 random_;  // GUARDED_BY(mutex_)
  std::vector<SpanRecord> waiting_;  // GUARDED_BY(mutex_)
};

/// Nothing where there is no tracer.
inline Span start_span(Tracer* tracer, std::string_view name, const TraceContext& parent = {},
                       SpanKind kind = SpanKind::internal) {
  return tracer == nullptr ? Span() : tracer->start(name, parent, kind);
}

}  // namespace tributary::telemetry
