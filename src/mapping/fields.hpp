#pragma once
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/document.hpp"

/// Reading a map of a document field by field, every mistake noted and none fatal. Internal to this module.
namespace tributary::mapping {

/// Collects the problems of one file.
class Report {
 public:
  explicit Report(std::string_view file) : file_(file) {}
  void add(Position at, std::string message) { problems_.push_back({file_, at.line, at.column, std::move(message)}); }
  bool empty() const { return problems_.empty(); }
  /// In the order of the file.
  std::vector<Problem> take();

 private:
  std::string file_;
  std::vector<Problem> problems_;
};

/// A text and where it stands.
struct Located {
  std::string text;
  Position position;
};

/// The fields of a map. Construction reports a node that is no map, keys that are not known, and keys that come twice.
/// The readers report what they cannot use and return nullopt; a field that is absent is reported only if it is required.
/// Lifetime: refers to the node and the report.
class Fields {
 public:
  /// `what`: how messages call this map: `column "id"`.
  Fields(Report& report, const Node& node, std::string what, std::initializer_list<std::string_view> known);

  bool is_map() const { return node_.is_map(); }
  const std::string& what() const { return what_; }
  void rename(std::string what) { what_ = std::move(what); }
  Position position() const { return node_.position; }
  void problem(Position at, const std::string& message) { report_.add(at, what_ + ": " + message); }

  const Node* find(std::string_view key) const;     ///< null where absent
  const Node* require(std::string_view key);        ///< reports where absent
  std::optional<Located> text(std::string_view key);              ///< not empty
  std::optional<Located> required_text(std::string_view key);
  std::optional<Located> identifier(std::string_view key);        ///< a name in PostgreSQL
  std::optional<Located> required_identifier(std::string_view key);
  bool flag(std::string_view key);                                ///< absent is false
  std::vector<Located> texts(std::string_view key);               ///< a sequence, not empty, no text twice
  std::vector<Located> required_identifiers(std::string_view key);
  /// `text` as a name in PostgreSQL, which is at most 63 bytes: longer ones are cut off silently.
  bool check_identifier(const Located& text, std::string_view key);

 private:
  std::optional<Located> scalar(const Node& node, std::string_view key);

  Report& report_;
  const Node& node_;
  std::string what_;
};

}  // namespace tributary::mapping
