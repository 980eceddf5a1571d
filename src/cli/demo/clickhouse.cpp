#include "cli/demo/clickhouse.hpp"

#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

#include "cli/command.hpp"
#include "cli/demo/compare.hpp"
#include "cli/demo/sql.hpp"
#include "clickhouse/client.hpp"
#include "clickhouse/row_reader.hpp"

namespace tributary::cli::demo {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::size_t kPageRows = 10'000;
constexpr auto kQueryTime = 60s;
constexpr const char* kMark = "tributary-demo";

/// As a tenant's queries are run.
class TenantClient {
 public:
  TenantClient(asio::any_io_executor executor, const clickhouse::embedded::ReadyLine& host, const Tenant& tenant)
      : client_(executor,
                {.host = "127.0.0.1",
                 .port = host.port,
                 .user = std::string(clickhouse::embedded::Credentials::kTenant),
                 .password = host.credentials.tenant_password},
                {.max_connections = 1}),
        project_(tenant.project) {}
  ~TenantClient() { client_.close(); }
  TenantClient(const TenantClient&) = delete;
  TenantClient& operator=(const TenantClient&) = delete;

  asio::awaitable<clickhouse::Result> ask(clickhouse::Query query) {
    query.settings["SQL_project_id"] = project_;
    query.settings["SQL_branch_id"] = "main";
    query.max_answer_bytes = std::size_t{256} << 20U;
    co_return co_await client_.execute(std::move(query), Deadline::after(kQueryTime));
  }

 private:
  clickhouse::Client client_;
  const std::string project_;
};

/// Names of a SELECT's columns, without its rows.
std::vector<std::string> columns_of(std::string_view answer) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < answer.size();) {
    const auto end = std::min(answer.find_first_of("\t\n", begin), answer.size());
    names.emplace_back(answer.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

/// Page after page of rows, as PostgreSQL's COPY would have brought them.
class Pages {
 public:
  Pages(std::shared_ptr<TenantClient> client, std::string select, std::size_t columns)
      : client_(std::move(client)), select_(std::move(select)), columns_(columns) {}

  asio::awaitable<bool> next(postgres::CopyBatch& batch) {
    batch.clear();
    if (ended_) co_return false;
    clickhouse::Query query{
        .text = fmt::format("{}\nWHERE key > {{after:String}}\nORDER BY key\nLIMIT {}\nFORMAT RowBinary", select_, kPageRows)};
    query.params.add("after", after_);
    const auto page = co_await client_->ask(std::move(query));
    for (clickhouse::RowReader row(page.body); row.more();) append(batch, row);
    ended_ = batch.rows() < kPageRows;
    co_return batch.rows() > 0;
  }

 private:
  void append(postgres::CopyBatch& batch, clickhouse::RowReader& row) {
    std::vector<std::byte> tuple;
    postgres::append_int16(tuple, static_cast<std::int16_t>(columns_));
    for (std::size_t i = 0; i < columns_; ++i) {
      const bool is_null = row.null();
      const auto text = is_null ? std::string_view() : row.string();
      postgres::append_int32(tuple, is_null ? -1 : static_cast<std::int32_t>(text.size()));
      const auto bytes = std::as_bytes(std::span(text));
      tuple.insert(tuple.end(), bytes.begin(), bytes.end());
      if (i == 0) after_ = text;
    }
    batch.append_row(tuple);
  }

  const std::shared_ptr<TenantClient> client_;
  const std::string select_;
  const std::size_t columns_;
  std::string after_;
  bool ended_ = false;
};

}  // namespace

ClickHouseFolder::ClickHouseFolder(fs::path folder, bool fresh, bool keep) : folder_(std::move(folder)), keep_(keep) {
  if (fs::exists(folder_) && !fs::exists(folder_ / kMark) && !fs::is_empty(folder_))
    throw Failure(folder_.string() + " holds something else than a demo's ClickHouse; choose another place with --data-dir",
                  kBadInput);
  if (fresh) fs::remove_all(folder_);
  fs::create_directories(folder_);
  fs::permissions(folder_, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  std::ofstream(folder_ / kMark) << "made by tributary demo\n";
}

ClickHouseFolder::~ClickHouseFolder() {
  std::error_code ignored;
  if (!keep_) fs::remove_all(folder_, ignored);
}

asio::awaitable<void> verify_clickhouse(const clickhouse::embedded::ReadyLine& host, postgres::Connection& source,
                                        const Tenant& tenant, std::span<const mapping::Mapping> mappings, Verification& result) {
  const auto client = std::make_shared<TenantClient>(co_await asio::this_coro::executor, host, tenant);
  for (const auto& mapping : mappings) {
    const auto select = sql_section("clickhouse.sql", mapping.target_table);
    const auto described = co_await client->ask({.text = select + "\nLIMIT 0\nFORMAT TabSeparatedWithNames"});
    TablePlace place{
        .database = "ClickHouse, " + tenant.project, .table = mapping.target_table, .columns = columns_of(described.text())};
    const auto pages = std::make_shared<Pages>(client, select, place.columns.size());
    auto expected = co_await expected_rows(source, mapping.target_table, tenant.tenancy);
    co_await compare(
        std::move(expected), [pages](postgres::CopyBatch& batch) { return pages->next(batch); }, std::move(place), result);
  }
}

asio::awaitable<std::vector<Answered>> ask_questions(const clickhouse::embedded::ReadyLine& host, const Tenant& tenant) {
  TenantClient client(co_await asio::this_coro::executor, host, tenant);
  std::vector<Answered> answers;
  for (const auto& section : sql_sections("analytics.sql")) {
    const std::string text(section.text);
    const auto table = co_await client.ask({.text = text + "\nFORMAT PrettySpaceNoEscapesMonoBlock"});
    const auto rows = co_await client.ask({.text = text + "\nFORMAT JSONEachRow"});
    answers.push_back({std::string(section.name), std::string(table.text()), std::string(rows.text())});
  }
  co_return answers;
}

}  // namespace tributary::cli::demo
