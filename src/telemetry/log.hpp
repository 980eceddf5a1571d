#pragma once
#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace tributary::telemetry {

enum class Level { debug, info, warning, error };

/// One named value of a log line. Numbers stay numbers in JSON.
class Field {
 public:
  Field(std::string_view name, std::string_view value) : name_(name), value_(value), quoted_(true) {}
  Field(std::string_view name, const char* value) : Field(name, std::string_view(value)) {}
  Field(std::string_view name, const std::string& value) : Field(name, std::string_view(value)) {}
  Field(std::string_view name, bool value) : name_(name), value_(value ? "true" : "false"), quoted_(false) {}
  template <class Number>
    requires std::integral<Number> || std::floating_point<Number>
  Field(std::string_view name, Number value) : name_(name), value_(std::to_string(value)), quoted_(false) {}

  std::string_view name() const { return name_; }
  std::string_view value() const { return value_; }
  bool quoted() const { return quoted_; }

 private:
  std::string name_;
  std::string value_;
  bool quoted_;
};

/// Writes one line: human on a terminal, one JSON object elsewhere (see LogSettings). Any thread.
/// `component` is the module ("sync"), `message` a fixed sentence without values: those go into fields, so lines can be counted.
/// Never pass a connection string or a password: redact with postgres::redacted() first.
void log(Level level, std::string_view component, std::string_view message, std::initializer_list<Field> fields = {});

/// As log.level has it: "warning".
std::string_view to_string(Level level);

enum class LogFormat { automatic, human, json };
struct LogSettings {
  Level level = Level::info;
  LogFormat format = LogFormat::automatic;  ///< automatic: human where stderr is a terminal, else JSON
};
/// Once, at start, before threads. Without it: human, info. Lines go to stderr.
void configure_log(const LogSettings& settings);

}  // namespace tributary::telemetry
