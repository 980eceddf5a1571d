#include "telemetry/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <memory>

namespace tributary::telemetry {
namespace {

constexpr auto kHumanPattern = "%H:%M:%S.%e %^%-7l%$ %v";
// The payload (%v) brings the rest of the object and its closing brace.
constexpr auto kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v)";

struct Output {
  std::shared_ptr<spdlog::logger> logger;
  bool json;
};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

Output make_output(const LogSettings& settings) {
  const bool json = settings.format == LogFormat::json || (settings.format == LogFormat::automatic && isatty(STDERR_FILENO) == 0);
  auto logger = std::make_shared<spdlog::logger>("tributary", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern(json ? kJsonPattern : kHumanPattern,
                      json ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local);
  logger->set_level(to_spdlog(settings.level));
  return {std::move(logger), json};
}

// The process has one standard error stream, and so one of these.
Output& output() {
  static Output instance = make_output({.format = LogFormat::human});
  return instance;
}

std::string quoted(std::string_view text) { return boost::json::serialize(boost::json::string_view(text.data(), text.size())); }

std::string json_payload(std::string_view component, std::string_view message, std::initializer_list<Field> fields) {
  auto text = "\"component\":" + quoted(component) + ",\"message\":" + quoted(message);
  for (const auto& field : fields) {
    // JSON has no NaN and no infinity: these become strings.
    const bool bare = !field.quoted() && field.value().find("nan") == std::string_view::npos &&
                      field.value().find("inf") == std::string_view::npos;
    text += ',' + quoted(field.name()) + ':' + (bare ? std::string(field.value()) : quoted(field.value()));
  }
  return text + '}';
}

std::string human_payload(std::string_view component, std::string_view message, std::initializer_list<Field> fields) {
  auto text = std::string(component) + ": " + std::string(message);
  for (const auto& field : fields) {
    const bool plain = !field.value().empty() && std::ranges::all_of(field.value(), [](unsigned char c) {
      return c > ' ' && c != '"' && c != '=' && c != 0x7f;
    });
    text += ' ' + std::string(field.name()) + '=' + (plain ? std::string(field.value()) : quoted(field.value()));
  }
  return text;
}

}  // namespace

void log(Level level, std::string_view component, std::string_view message, std::initializer_list<Field> fields) {
  const auto& out = output();
  const auto spdlog_level = to_spdlog(level);
  if (!out.logger->should_log(spdlog_level)) return;
  out.logger->log(spdlog_level, out.json ? json_payload(component, message, fields) : human_payload(component, message, fields));
}

void configure_log(const LogSettings& settings) { output() = make_output(settings); }

std::string_view to_string(Level level) {
  const auto name = spdlog::level::to_string_view(to_spdlog(level));
  return {name.data(), name.size()};
}

}  // namespace tributary::telemetry
