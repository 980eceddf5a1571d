#include "report.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace tributary::bench {
namespace {

std::string value_text(const Result& result) {
  return result.unit.empty() ? fmt::format("{:.2f}", result.value) : fmt::format("{:.1f} {}", result.value, result.unit);
}

std::string goal_text(const Result& result) {
  if (!result.goal) return "-";
  return fmt::format("{} {:g}", result.goal->direction == Goal::Direction::at_least ? ">=" : "<=", result.goal->bound);
}

std::string verdict(const Result& result, bool quick) {
  if (!result.goal) return "";
  if (quick) return "(smoke run)";
  return result.goal->met_by(result.value) ? "met" : "NOT MET";
}

}  // namespace

std::string line(const Result& result, bool quick) {
  const auto beside = result.beside.empty() ? "" : " | " + result.beside;
  return fmt::format("{}: {}{} | {} (goal {}) {}", result.name, result.measured, beside, value_text(result), goal_text(result),
                     verdict(result, quick));
}

std::string to_table(std::span<const Result> results, bool quick) {
  std::string table =
      fmt::format("{:<24} {:>10} {:>8}  {:<11}  {}\n", "benchmark", "ratio", "goal", "", "measured | beside it, in the same run");
  for (const auto& result : results) {
    const auto beside = result.beside.empty() ? "" : " | " + result.beside;
    table += fmt::format("{:<24} {:>10} {:>8}  {:<11}  {}{}\n", result.name, value_text(result), goal_text(result),
                         verdict(result, quick), result.measured, beside);
  }
  return table;
}

std::string to_json(std::span<const Result> results, bool quick) {
  boost::json::array all;
  for (const auto& result : results) {
    boost::json::object entry{{"name", result.name},
                              {"value", result.value},
                              {"unit", result.unit.empty() ? "ratio" : result.unit},
                              {"measured", result.measured},
                              {"beside", result.beside}};
    if (result.goal) {
      entry["goal"] = {{result.goal->direction == Goal::Direction::at_least ? "at_least" : "at_most", result.goal->bound}};
      if (!quick) entry["met"] = result.goal->met_by(result.value);
    }
    all.push_back(std::move(entry));
  }
  return boost::json::serialize(boost::json::object{{"quick", quick}, {"results", all}}) + "\n";
}

}  // namespace tributary::bench
