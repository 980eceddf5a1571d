#include "cli/demo/summary.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "cli/demo/screen.hpp"
#include "cli/text.hpp"

namespace tributary::cli::demo {
namespace {

namespace json = boost::json;

std::string counted_size(std::size_t number, std::string_view noun) { return counted(static_cast<std::int64_t>(number), noun); }

double rate(std::uint64_t rows, Summary::Seconds time) { return time.count() > 0 ? static_cast<double>(rows) / time.count() : 0; }

json::value milliseconds(std::optional<std::chrono::nanoseconds> lag) {
  if (!lag) return nullptr;
  return std::chrono::duration<double, std::milli>(*lag).count();
}

json::array answers_json(const std::vector<Answered>& answers) {
  json::array array;
  for (const auto& answer : answers) {
    json::array rows;
    for (std::string_view rest = answer.rows; !rest.empty();) {
      const auto end = std::min(rest.find('\n'), rest.size() - 1);
      if (end > 0) rows.push_back(json::parse(rest.substr(0, end)));
      rest.remove_prefix(end + 1);
    }
    array.push_back(json::object{{"question", answer.question}, {"rows", std::move(rows)}});
  }
  return array;
}

}  // namespace

std::string answers_text(const std::vector<Answered>& answers) {
  std::string text;
  for (const auto& answer : answers) {
    text += "\n  " + answer.question + ", asked by the largest tenant\n";
    for (std::string_view rest = answer.table; !rest.empty();) {
      const auto end = std::min(rest.find('\n'), rest.size() - 1);
      text += "    " + std::string(rest.substr(0, end)) + "\n";
      rest.remove_prefix(end + 1);
    }
  }
  return text + (answers.empty() ? "" : "\n");
}

std::string to_text(const Summary& s) {
  auto text = fmt::format("\n  {}, {}, {}{}\n", counted_size(s.tenants, "tenant"), counted(s.users, "user"),
                          counted_size(s.databases, "database"), s.clickhouse ? " and ClickHouse" : "");
  text += fmt::format("  first sync   {} rows in {:.1f} s: {} rows/s, sequencing included\n",
                      grouped(static_cast<std::int64_t>(s.first_rows)), s.first_time.count(),
                      grouped(static_cast<std::int64_t>(rate(s.first_rows, s.first_time))));
  text += fmt::format("  then         {} changes, lag p50 {} p99 {} ({} probes, committed to visible)\n",
                      grouped(static_cast<std::int64_t>(s.changes)), lag_text(s.p50), lag_text(s.p99), s.probes);
  if (!s.drained) text += "  gave up      waiting: nothing moved any more, though rows are missing\n";
  if (!s.problems.empty()) text += "  problems\n" + s.problems;
  text +=
      fmt::format("  compared     {} rows in {:.1f} s: ",
                  grouped(static_cast<std::int64_t>(s.verification.rows + s.verification.differences)), s.verify_time.count());
  if (s.verification.equal())
    return text + fmt::format("every database equals its source{}\n{}  all in all   {:.1f} s\n\n",
                              s.clickhouse ? ", and ClickHouse as each tenant sees it" : "", answers_text(s.answers),
                              s.total_time.count());
  text += counted(static_cast<std::int64_t>(s.verification.differences), "difference") + "\n";
  for (const auto& difference : s.verification.first) text += "    " + difference.to_string() + "\n";
  if (s.verification.differences > s.verification.first.size()) text += "    ...\n";
  return text + "\n";
}

std::string to_json(const Summary& s) {
  json::array differences;
  for (const auto& difference : s.verification.first) differences.push_back(json::string(difference.to_string()));
  const json::object object{{"equal", s.good()},
                            {"tenants", s.tenants},
                            {"users", s.users},
                            {"databases", s.databases},
                            {"first_sync_rows", s.first_rows},
                            {"first_sync_s", s.first_time.count()},
                            {"first_sync_rows_per_s", rate(s.first_rows, s.first_time)},
                            {"changes", s.changes},
                            {"lag_p50_ms", milliseconds(s.p50)},
                            {"lag_p99_ms", milliseconds(s.p99)},
                            {"probes", s.probes},
                            {"drained", s.drained},
                            {"compared_rows", s.verification.rows},
                            {"differences", s.verification.differences},
                            {"first_differences", std::move(differences)},
                            {"clickhouse", s.clickhouse},
                            {"answers", answers_json(s.answers)},
                            {"problems", s.problems},
                            {"verify_s", s.verify_time.count()},
                            {"total_s", s.total_time.count()}};
  return json::serialize(object) + "\n";
}

}  // namespace tributary::cli::demo
