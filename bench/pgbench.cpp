#include "pgbench.hpp"

#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace tributary::bench {
namespace {

// What pgbench prints, then the microseconds of each transaction, a line each, from the third column of its logs.
constexpr const char* kScript = R"sh(
cd "$FOLDER"
printf '%s' "$STATEMENTS" > script.pgbench
pgbench -n -c "$CLIENTS" -j "$THREADS" -t "$TRANSACTIONS" -M prepared -f script.pgbench --log --log-prefix=transactions "$DATABASE"
echo microseconds
cat transactions.* | cut -d ' ' -f 3
rm transactions.* script.pgbench)sh";

std::size_t after(const std::string& printed, const std::string& word) {
  const auto place = printed.find(word);
  if (place == std::string::npos) throw std::runtime_error("pgbench printed no '" + word + "':\n" + printed);
  return place + word.size();
}

}  // namespace

PgbenchRates pgbench(Servers& servers, const postgres::ConnectOptions& database, const PgbenchRun& run) {
  const auto printed = servers.shell(kScript, {{"FOLDER", servers.folder().string()},
                                               {"STATEMENTS", run.script},
                                               {"CLIENTS", std::to_string(run.clients)},
                                               {"THREADS", std::to_string(run.threads)},
                                               {"TRANSACTIONS", std::to_string(run.transactions)},
                                               {"DATABASE", database.to_string()}});
  PgbenchRates seen{.per_second = std::atof(printed.c_str() + after(printed, "tps = ")), .milliseconds = {}};
  std::istringstream lines(printed.substr(after(printed, "microseconds\n")));
  for (double microseconds = 0; lines >> microseconds;) seen.milliseconds.push_back(microseconds / 1'000);
  return seen;
}

}  // namespace tributary::bench
