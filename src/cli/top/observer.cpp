#include "cli/top/observer.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "base/look_up.hpp"
#include "cli/command.hpp"
#include "sequencer/flagged.hpp"

namespace tributary::cli::top {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using namespace std::chrono_literals;

/// Of a frame: who does not answer by then is shown as away.
constexpr auto kPatience = 3s;
constexpr std::uint64_t kLargestAnswer = 8 << 20;

constexpr std::string_view kNames = R"(
SELECT t.id, t."projectId" || CASE t."branchId" WHEN 'main' THEN '' ELSE '@' || t."branchId" END
FROM "Tenancy" AS t
WHERE t.id IN (SELECT tenancy_id FROM tributary.destination_state UNION SELECT tenancy_id FROM tributary.quarantine)
)";

}  // namespace

Process Process::parse(const std::string& url) {
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed || parsed->scheme() != "http" || parsed->host().empty())
    throw Failure("--process must be the address of a `tributary serve`, such as http://127.0.0.1:8080, not \"" + url + '"',
                  kBadInput);
  Process process{.url = url, .host = parsed->host()};
  if (parsed->host_type() == boost::urls::host_type::ipv6) process.host = parsed->host_ipv6_address().to_string();
  if (parsed->has_port()) process.port = parsed->port_number();
  return process;
}

Observer::Observer(postgres::ConnectOptions source, std::span<const mapping::Mapping> mappings, std::vector<Process> processes)
    : options_(source.with_setting("statement_timeout", "3s")), mappings_(mappings), processes_(std::move(processes)) {}

asio::awaitable<Sample> Observer::look() {
  Sample sample;
  try {
    co_await ask_source(sample);
  } catch (const std::exception& error) {
    sample.source_error = error.what();
    source_.reset();
  }
  for (const auto& process : processes_) co_await ask(process, sample);
  sample.at = std::chrono::steady_clock::now();
  co_return sample;
}

asio::awaitable<void> Observer::ask_source(Sample& sample) {
  if (!source_ || !source_->usable()) source_ = co_await open_source(options_);
  const auto deadline = Deadline::after(kPatience);
  sample.fusebox = co_await queue::read_fusebox(*source_, deadline);
  sample.queue = co_await queue::counts(*source_, deadline);
  sample.clickhouse = co_await queue::read_clickhouse(*source_, deadline);
  const auto last = co_await source_->execute("SELECT coalesce(pg_sequence_last_value('public.global_seq_id'), 0)", deadline);
  sample.last_id = last.get<std::int64_t>(0, 0);
  for (const auto& [table, rows] : co_await sequencer::count_flagged(*source_, mappings_, std::nullopt, deadline)) {
    for (const auto& mapping : mappings_) {
      if (mapping.source_table == table) sample.flagged[mapping.name] = rows;
    }
  }

  std::map<Uuid, std::string> names;
  const auto rows = co_await source_->execute(kNames, deadline);
  for (std::size_t row = 0; row < rows.rows(); ++row) names[rows.get<Uuid>(row, 0)] = rows.get<std::string>(row, 1);
  const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  for (auto& trouble : co_await queue::read_troubles(*source_, deadline)) {
    if (trouble.destination == queue::kSharedClickHouse) continue;
    auto& tenancy = names[trouble.tenancy];
    if (tenancy.empty()) tenancy = trouble.tenancy.to_string();
    const auto since = trouble.since.value_or(now);
    sample.troubles.push_back({.destination = tenancy + '/' + trouble.destination,
                               .what = std::move(trouble),
                               .age = std::chrono::duration_cast<std::chrono::milliseconds>(now - since)});
  }
}

asio::awaitable<void> Observer::ask(const Process& process, Sample& sample) {
  try {
    const auto found = co_await look_up(process.host, Deadline::after(kPatience));
    if (found.addresses.empty()) throw boost::system::system_error(found.error);
    std::vector<asio::ip::tcp::endpoint> places;
    for (const auto& address : found.addresses) places.emplace_back(address, process.port);
    beast::tcp_stream stream(co_await asio::this_coro::executor);
    stream.expires_after(kPatience);
    co_await stream.async_connect(places, asio::use_awaitable);
    http::request<http::empty_body> request(http::verb::get, "/metrics", 11);
    request.set(http::field::host, process.host);
    request.set(http::field::connection, "close");
    co_await http::async_write(stream, request, asio::use_awaitable);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> answer;
    answer.body_limit(kLargestAnswer);
    co_await http::async_read(stream, buffer, answer, asio::use_awaitable);
    add(sample.series, parse_series(answer.get().body()));
  } catch (const boost::system::system_error& error) {
    sample.process_errors.push_back(process.url + ": " + error.code().message());
  }
}

}  // namespace tributary::cli::top
