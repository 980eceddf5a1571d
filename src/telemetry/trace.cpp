#include "telemetry/trace.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>

namespace tributary::telemetry {
namespace {

/// Of an attribute or an error: what is longer says nothing more.
constexpr std::size_t kLongestText = 1'000;

// "00-" trace "-" span "-" flags
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kSpanAt = kTraceAt + 32 + 1;
constexpr std::size_t kFlagsAt = kSpanAt + 16 + 1;
constexpr std::size_t kLength = kFlagsAt + 2;

/// Lower-case hexadecimal digits, as the specification wants them.
bool read_hexadecimal(std::string_view digits, std::span<std::byte> into) {
  if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return false;
  for (std::size_t i = 0; i < into.size(); ++i) {
    unsigned value = 0;
    std::from_chars(digits.data() + 2 * i, digits.data() + 2 * i + 2, value, 16);
    into[i] = static_cast<std::byte>(value);
  }
  return true;
}

template <std::size_t Size>
void fill(std::array<std::byte, Size>& id, std::mt19937_64& random) {
  for (std::size_t i = 0; i < Size; i += sizeof(std::uint64_t)) {
    const std::uint64_t number = random();
    std::memcpy(id.data() + i, &number, sizeof number);
  }
}

/// Decided by the trace's own id, so that every process that is asked decides alike.
bool is_chosen(const TraceContext& context, double ratio) {
  if (ratio >= 1) return true;
  std::uint64_t number = 0;
  std::memcpy(&number, context.trace.data() + sizeof number, sizeof number);
  return static_cast<double>(number >> 11U) < ratio * std::exp2(53);
}

std::string shortened(std::string_view text) {
  if (text.size() <= kLongestText) return std::string(text);
  auto end = kLongestText;
  while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not within a character
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace

std::string id_text(std::span<const std::byte> id) { return fmt::format("{:02x}", fmt::join(id, "")); }

std::string TraceContext::traceparent() const { return "00-" + id_text(trace) + '-' + id_text(span) + (sampled ? "-01" : "-00"); }

std::optional<TraceContext> TraceContext::parse(std::string_view text) {
  // Later versions may have more behind the flags, not within.
  if (text.size() < kLength || text[2] != '-' || text[kSpanAt - 1] != '-' || text[kFlagsAt - 1] != '-') return std::nullopt;
  const bool is_first_version = text.starts_with("00");
  if (text.starts_with("ff") || (is_first_version ? text.size() != kLength : text.size() > kLength && text[kLength] != '-'))
    return std::nullopt;
  TraceContext context;
  std::array<std::byte, 1> version{};
  std::array<std::byte, 1> flags{};
  const bool is_hexadecimal =
      read_hexadecimal(text.substr(0, 2), version) && read_hexadecimal(text.substr(kTraceAt, 32), context.trace) &&
      read_hexadecimal(text.substr(kSpanAt, 16), context.span) && read_hexadecimal(text.substr(kFlagsAt, 2), flags);
  if (!is_hexadecimal || !context.valid()) return std::nullopt;
  context.sampled = (flags[0] & std::byte{1}) != std::byte{0};
  return context;
}

Span& Span::operator=(Span&& other) noexcept {
  end();
  tracer_ = other.tracer_;
  context_ = other.context_;
  record_ = std::move(other.record_);
  began_ = other.began_;
  return *this;
}

void Span::set(std::string_view key, std::int64_t value) {
  if (record_) record_->attributes.push_back({std::string(key), value});
}

void Span::set(std::string_view key, bool value) {
  if (record_) record_->attributes.push_back({std::string(key), value});
}

void Span::set(std::string_view key, std::string_view value) {
  if (record_) record_->attributes.push_back({std::string(key), shortened(value)});
}

void Span::link(const TraceContext& other) {
  if (record_) record_->links.push_back(other);
}

void Span::fail(std::string_view type, std::string_view message) {
  if (!record_) return;
  set("error.type", type.empty() ? "_OTHER" : type);
  record_->error = shortened(message);
}

Span Span::child(std::string_view name, SpanKind kind) const {
  return recorded() ? tracer_->start(name, context_, kind) : Span();
}

void Span::began_at(std::chrono::steady_clock::time_point when) {
  if (!record_) return;
  record_->began -= std::chrono::duration_cast<std::chrono::system_clock::duration>(began_ - when);
  began_ = when;
}

void Span::end() {
  if (!record_) return;
  record_->took = std::chrono::steady_clock::now() - began_;
  tracer_->keep(std::move(*record_));
  record_.reset();
}

Tracer::Tracer(TracerParams params, Metrics& metrics)
    : params_(params),
      dropped_(metrics.counter("tributary_spans_dropped_total", {{"reason", "full"}})),
      random_((std::uint64_t{std::random_device{}()} << 32U) | std::random_device{}()) {}

Span Tracer::start(std::string_view name, const TraceContext& parent, SpanKind kind) {
  Span span;
  span.tracer_ = this;
  const bool is_first = !parent.valid();
  {
    const std::lock_guard lock(mutex_);
    fill(span.context_.span, random_);
    if (is_first) fill(span.context_.trace, random_);
  }
  if (!is_first) span.context_.trace = parent.trace;
  span.context_.sampled = is_first ? is_chosen(span.context_, params_.ratio) : parent.sampled;
  if (!span.context_.sampled) return span;
  span.began_ = std::chrono::steady_clock::now();
  span.record_ = std::make_unique<SpanRecord>(SpanRecord{
      .context = span.context_, .parent = parent.span, .name = name, .kind = kind, .began = std::chrono::system_clock::now()});
  return span;
}

void Tracer::keep(SpanRecord record) {
  bool is_many = false;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= params_.most_waiting) return dropped_.add();
    waiting_.push_back(std::move(record));
    is_many = waiting_.size() == many_;
  }
  if (is_many) tell_();
}

std::vector<SpanRecord> Tracer::take(std::size_t most) {
  const std::lock_guard lock(mutex_);
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(most, waiting_.size()));
  std::vector<SpanRecord> taken(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  return taken;
}

void Tracer::notify(std::size_t many, std::function<void()> tell) {
  tell_ = std::move(tell);
  many_ = many;
}

}  // namespace tributary::telemetry
