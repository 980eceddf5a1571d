#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

#include <fstream>
#include <thread>

#include "clickhouse/embedded/codec.hpp"
#include "host.hpp"

namespace tributary::clickhouse::embedded::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// One engine for all: starting it is what takes time.
class HostHttp : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<Folder>();
    host_ = std::make_unique<Host>(folder_->path(), std::vector<std::string>{"--unrestricted", "--memory", "1GiB"});
  }
  static void TearDownTestSuite() {
    host_.reset();
    folder_.reset();
  }
  static Host& host() { return *host_; }

  static std::unique_ptr<Folder> folder_;
  static std::unique_ptr<Host> host_;
};

std::unique_ptr<Folder> HostHttp::folder_;
std::unique_ptr<Host> HostHttp::host_;

std::string packed(Encoding encoding, const std::string& text) {
  auto encoder = make_encoder(encoding);
  encoder->put(text);
  encoder->finish();
  std::string result;
  std::string piece(1000, '\0');
  while (const auto size = encoder->take(piece)) result.append(piece, 0, size);
  return result;
}

std::string unpacked(Encoding encoding, const std::string& bytes) {
  auto decoder = make_decoder(encoding);
  std::string result;
  std::string piece(1000, '\0');
  decoder->put(bytes);
  while (const auto size = decoder->take(piece)) result.append(piece, 0, size);
  decoder->finish();
  while (const auto size = decoder->take(piece)) result.append(piece, 0, size);
  return result;
}

std::string numbers(int count) {
  std::string rows;
  for (int i = 0; i < count; ++i) rows += fmt::format("{{\"n\":{},\"s\":\"row {}\"}}\n", i, i);
  return rows;
}

long resident_kib(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
  }
  return 0;
}

TEST_F(HostHttp, PingNeedsNoPassword) {
  const auto answer = host().ask({.target = "/ping", .method = "GET", .user = ""});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "Ok.\n");
}

TEST_F(HostHttp, AWrongPasswordOrUserIsRefused) {
  EXPECT_EQ(host().ask({.body = "SELECT 1", .password = "wrong"}).exception_code(), "516");
  EXPECT_EQ(host().ask({.body = "SELECT 1", .user = "default"}).status, 403);
  EXPECT_EQ(host().ask({.body = "SELECT 1", .user = ""}).status, 403);
}

TEST_F(HostHttp, TakesUserAndPasswordFromHeadersAndUrl) {
  const auto& password = host().ready().credentials.admin_password;
  EXPECT_EQ(
      host()
          .ask({.body = "SELECT 1", .headers = {{"X-ClickHouse-User", "admin"}, {"X-ClickHouse-Key", password}}, .user = ""})
          .body,
      "1\n");
  EXPECT_EQ(host().ask({.target = "/?user=admin&password=" + password, .body = "SELECT 1", .user = ""}).body, "1\n");
}

TEST_F(HostHttp, TakesTheStatementFromUrlAndBody) {
  EXPECT_EQ(host().ask({.target = "/?query=SELECT%201", .method = "GET"}).body, "1\n");
  EXPECT_EQ(host().ask({.target = "/?query=SELECT", .body = "2"}).body, "2\n");
  EXPECT_EQ(host().ask({.body = "SELECT 3;  -- the end"}).body, "3\n");
}

TEST_F(HostHttp, AGetChangesNothing) {
  EXPECT_EQ(
      host().ask({.target = "/?query=CREATE%20TABLE%20by_get%20(a%20Int8)%20ENGINE=Memory", .method = "GET"}).exception_code(),
      "164");
}

TEST_F(HostHttp, FormatsComeFromStatementUrlAndHeader) {
  EXPECT_EQ(host().ask({.body = "SELECT 1 AS x FORMAT JSONEachRow"}).body, "{\"x\":1}\n");
  EXPECT_EQ(host().ask({.target = "/?default_format=JSONEachRow", .body = "SELECT 1 AS x"}).body, "{\"x\":1}\n");
  const auto answer = host().ask({.body = "SELECT 1 AS x", .headers = {{"X-ClickHouse-Format", "CSVWithNames"}}});
  EXPECT_EQ(answer.body, "\"x\"\n1\n");
  EXPECT_EQ(answer.headers.at("x-clickhouse-format"), "CSVWithNames");
  EXPECT_THAT(answer.headers.at("content-type"), StartsWith("text/csv"));
}

TEST_F(HostHttp, AFormatWithHeadAndTailIsOneDocumentHoweverLong) {
  const auto body = host().run("SELECT number FROM numbers(300000) FORMAT CSVWithNames SETTINGS max_block_size = 1000");
  EXPECT_THAT(body, StartsWith("\"number\"\n0\n"));
  EXPECT_EQ(body.find("number", 5), std::string::npos);
}

TEST_F(HostHttp, ParametersAreTypedAndNeverText) {
  EXPECT_EQ(host().run("SELECT {x:String}, {n:Int32} + 1", "param_x=" + url_encoded("it's \\\\ ; DROP") + "&param_n=41"),
            "it\\'s \\\\ ; DROP\t42\n");
  EXPECT_EQ(host().ask({.target = "/?param_n=x", .body = "SELECT {n:Int32}"}).exception_code(), "457");
}

TEST_F(HostHttp, SettingsComeFromTheUrl) {
  EXPECT_EQ(host().run("SELECT getSetting('max_block_size')", "max_block_size=4321"), "4321\n");
  EXPECT_EQ(host().ask({.target = "/?no_such_setting=1", .body = "SELECT 1"}).exception_code(), "115");
}

TEST_F(HostHttp, ErrorsHaveCodeAndStatus) {
  const auto unknown = host().ask({.body = "SELECT * FROM nowhere"});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.exception_code(), "60");
  EXPECT_THAT(unknown.body, StartsWith("Code: 60. DB::Exception: "));
  EXPECT_EQ(host().ask({.body = "SELEC 1"}).status, 400);
  EXPECT_EQ(host().ask({.body = "SELECT 1; SELECT 2"}).exception_code(), "62");
  EXPECT_EQ(host().ask({.body = ""}).exception_code(), "62");
}

TEST_F(HostHttp, WhatIsWrongInAHeadIsRefusedForThatReason) {
  const auto refused = [&](Request request) {
    request.body = "SELECT 1";
    return host().ask(std::move(request));
  };
  for (int i = 0; i < 20; ++i) {  // whatever lay in the memory that it is read into
    EXPECT_EQ(refused({.target = "/?a%20b=1"}).exception_code(), "115");
    EXPECT_EQ(refused({.target = "/?default_format=CSV%20SETTINGS"}).exception_code(), "73");
    EXPECT_EQ(refused({.headers = {{"X-ClickHouse-Format", "CSV SETTINGS"}}}).exception_code(), "73");
    EXPECT_EQ(refused({.target = "/?query_id=a%0Ab"}).exception_code(), "36");
    EXPECT_EQ(refused({.target = "/?%zz"}).exception_code(), "36");
    EXPECT_EQ(refused({.headers = {{"Content-Encoding", "rot13"}}}).exception_code(), "89");
  }
  EXPECT_EQ(host().run("SELECT 1"), "1\n");
}

TEST_F(HostHttp, AnErrorInTheMiddleOfAnAnswerCutsItOff) {
  const auto answer =
      host().ask({.body = "SELECT throwIf(number = 3000000) FROM numbers(4000000) SETTINGS max_block_size = 1000"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.cut_off);
  EXPECT_THAT(answer.body, HasSubstr("Code: 395."));
}

TEST_F(HostHttp, WaitingForTheEndGivesTheErrorItsStatus) {
  const auto answer =
      host().ask({.target = "/?wait_end_of_query=1",
                  .body = "SELECT throwIf(number = 3000000) FROM numbers(4000000) SETTINGS max_block_size = 1000"});
  EXPECT_EQ(answer.exception_code(), "395");
  EXPECT_FALSE(answer.cut_off);
}

TEST_F(HostHttp, SaysWhoseAnswerItIsAndWhatItTook) {
  const auto answer = host().ask({.target = "/?query_id=mine", .body = "SELECT number FROM numbers(10)"});
  EXPECT_EQ(answer.headers.at("x-clickhouse-query-id"), "mine");
  EXPECT_THAT(answer.headers.at("x-clickhouse-summary"), HasSubstr(R"("read_rows":"10")"));
}

TEST_F(HostHttp, InsertsFromEveryPlace) {
  host().run("CREATE TABLE places (n Int32, s String) ENGINE = MergeTree ORDER BY n");
  host().run("INSERT INTO places VALUES (1, 'a;'), (2, 'b')");
  host().run("{\"n\":3,\"s\":\"c\"}\n\n{\"n\":4,\"s\":\"d\"}\n", "query=" + url_encoded("INSERT INTO places FORMAT JSONEachRow"));
  host().run("INSERT INTO places (s, n) SETTINGS max_insert_block_size = 10 FORMAT CSV\n\"e\",5\n");
  host().run("INSERT INTO places SELECT 6, 'f'");
  EXPECT_EQ(host().run("SELECT n, s FROM places ORDER BY n"), "1\ta;\n2\tb\n3\tc\n4\td\n5\te\n6\tf\n");
  EXPECT_EQ(host().ask({.body = "INSERT INTO places FORMAT JSONEachRow {\"n\":\"x\"}"}).status, 400);
}

TEST_F(HostHttp, NativeBytesComeBackAsTheyWent) {
  host().run("CREATE TABLE native (n UInt64, s Nullable(String)) ENGINE = MergeTree ORDER BY n");
  const std::string query =
      "SELECT number AS n, if(number % 3 = 0, NULL, repeat('\\n\\0;', number % 50)) AS s FROM numbers(200000) FORMAT Native";
  const auto bytes = host().run(query);
  const auto answer = host().ask({.target = "/?query=" + url_encoded("INSERT INTO native FORMAT Native"), .body = bytes});
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(answer.headers.at("x-clickhouse-summary"), HasSubstr(R"("written_rows":"200000")"));
  const std::string sum = "SELECT count(), sum(cityHash64(n, ifNull(s, '-'))) FROM ";
  EXPECT_EQ(host().run(sum + "native"), host().run(sum + "(" + query.substr(0, query.find(" FORMAT")) + ")"));
}

TEST_F(HostHttp, AFailedInsertAnswersThoughItsDataAreStillComing) {
  const auto answer =
      host().ask({.target = "/?query=" + url_encoded("INSERT INTO nowhere FORMAT JSONEachRow"), .body = numbers(200'000)});
  EXPECT_EQ(answer.exception_code(), "60");
}

TEST_F(HostHttp, BodiesArePackedBothWays) {
  host().run("CREATE TABLE packed (n Int32, s String) ENGINE = MergeTree ORDER BY n");
  const auto rows = numbers(20'000);
  int inserted = 0;
  for (const auto encoding : {Encoding::gzip, Encoding::deflate, Encoding::lz4, Encoding::zstd}) {
    const std::string name(name_of(encoding));
    const auto answer = host().ask({.target = "/?query=" + url_encoded("INSERT INTO packed FORMAT JSONEachRow"),
                                    .body = packed(encoding, rows),
                                    .headers = {{"Content-Encoding", name}}});
    EXPECT_EQ(answer.status, 200) << name << answer.body;
    EXPECT_EQ(host().run("SELECT count() FROM packed"), std::to_string(20'000 * ++inserted) + "\n") << name;

    for (const int count : {3, 300'000}) {
      const auto statement = fmt::format("SELECT number FROM numbers({})", count);
      const auto back =
          host().ask({.target = "/?enable_http_compression=1", .body = statement, .headers = {{"Accept-Encoding", name}}});
      EXPECT_EQ(back.headers.at("content-encoding"), name);
      EXPECT_EQ(unpacked(encoding, back.body), host().run(statement)) << name;
    }
  }
}

TEST_F(HostHttp, ABodyThatIsNotWhatItsEncodingSaysInsertsNothing) {
  host().run("CREATE TABLE broken (n Int32, s String) ENGINE = MergeTree ORDER BY n");
  for (const auto encoding : {Encoding::gzip, Encoding::lz4, Encoding::zstd}) {
    const auto whole = packed(encoding, numbers(20'000));
    const auto answer = host().ask({.target = "/?query=" + url_encoded("INSERT INTO broken FORMAT JSONEachRow"),
                                    .body = whole.substr(0, whole.size() / 2),
                                    .headers = {{"Content-Encoding", std::string(name_of(encoding))}}});
    EXPECT_NE(answer.status, 200) << name_of(encoding);
  }
  EXPECT_EQ(host().run("SELECT count() FROM broken"), "0\n");
}

TEST_F(HostHttp, AConnectionTakesManyRequests) {
  boost::asio::io_context loop;
  boost::asio::ip::tcp::socket socket(loop);
  socket.connect({boost::asio::ip::address_v4::loopback(), host().ready().port});
  boost::asio::streambuf input;
  for (int i = 0; i < 3; ++i) {
    boost::asio::write(socket,
                       boost::asio::buffer(fmt::format("GET /?user=admin&password={}&query=SELECT+{} HTTP/1.1\r\nHost: x\r\n\r\n",
                                                       host().ready().credentials.admin_password, 700 + i)));
    const auto size = boost::asio::read_until(socket, input, fmt::format("{}\n", 700 + i));
    input.consume(size);
  }
}

TEST_F(HostHttp, ALongAnswerTakesNoMemory) {
  const auto before = resident_kib(host().pid());
  boost::asio::io_context loop;
  boost::asio::ip::tcp::socket socket(loop);
  socket.connect({boost::asio::ip::address_v4::loopback(), host().ready().port});
  const std::string statement = "SELECT number FROM numbers(60000000) FORMAT RowBinary";
  boost::asio::write(socket, boost::asio::buffer(fmt::format(
                                 "GET /?user=admin&password={}&query={} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                                 host().ready().credentials.admin_password, url_encoded(statement))));
  std::vector<char> piece(1 << 20);
  std::size_t total = 0;
  boost::system::error_code end;
  while (!end) total += socket.read_some(boost::asio::buffer(piece), end);
  EXPECT_GT(total, 480'000'000U);
  EXPECT_LT(resident_kib(host().pid()) - before, 200'000);
}

TEST_F(HostHttp, AClientThatLeavesEndsItsStatement) {
  {
    boost::asio::io_context loop;
    boost::asio::ip::tcp::socket socket(loop);
    socket.connect({boost::asio::ip::address_v4::loopback(), host().ready().port});
    const auto statement = url_encoded("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1 -- left alone");
    boost::asio::write(socket,
                       boost::asio::buffer(fmt::format("GET /?user=admin&password={}&query={} HTTP/1.1\r\nHost: x\r\n\r\n",
                                                       host().ready().credentials.admin_password, statement)));
    const std::string running =
        "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number) = 1%' AND query NOT LIKE '%system.processes%'";
    while (host().run(running) != "1\n") std::this_thread::yield();
  }
  const std::string running =
      "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number) = 1%' AND query NOT LIKE '%system.processes%'";
  while (host().run(running) != "0\n") std::this_thread::yield();
}

/// The answer cannot be written, and the connection has ended: both are told to the statement.
TEST_F(HostHttp, AReaderThatLeavesInTheMiddleEndsItsStatementOnly) {
  const std::string running =
      "SELECT count() FROM system.processes WHERE query LIKE '%numbers(1000000001)%' AND query NOT LIKE '%system.processes%'";
  for (int round = 0; round < 5; ++round) {
    {
      boost::asio::io_context loop;
      boost::asio::ip::tcp::socket socket(loop);
      socket.connect({boost::asio::ip::address_v4::loopback(), host().ready().port});
      const auto statement = url_encoded("SELECT number FROM numbers(1000000001) FORMAT RowBinary");
      boost::asio::write(socket,
                         boost::asio::buffer(fmt::format("GET /?user=admin&password={}&query={} HTTP/1.1\r\nHost: x\r\n\r\n",
                                                         host().ready().credentials.admin_password, statement)));
      char first = 0;
      boost::asio::read(socket, boost::asio::buffer(&first, 1));
      EXPECT_EQ(host().run(running), "1\n");
      socket.set_option(boost::asio::socket_base::linger(true, 0));  // a reset
    }
    while (host().run(running) != "0\n") std::this_thread::yield();
  }
}

TEST_F(HostHttp, AnInsertThatBreaksOffInsertsNothing) {
  host().run("CREATE TABLE halves (n Int32, s String) ENGINE = MergeTree ORDER BY n");
  {
    boost::asio::io_context loop;
    boost::asio::ip::tcp::socket socket(loop);
    socket.connect({boost::asio::ip::address_v4::loopback(), host().ready().port});
    const auto rows = numbers(10'000);
    boost::asio::write(socket, boost::asio::buffer(fmt::format(
                                   "POST /?user=admin&password={}&query={} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
                                   host().ready().credentials.admin_password,
                                   url_encoded("INSERT INTO halves FORMAT JSONEachRow"), rows.size() * 2)));
    boost::asio::write(socket, boost::asio::buffer(rows));
    while (host().run("SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO halves%'") != "1\n")
      std::this_thread::yield();
  }
  while (host().run("SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO halves%'") != "0\n")
    std::this_thread::yield();
  EXPECT_EQ(host().run("SELECT count() FROM halves"), "0\n");
}

TEST_F(HostHttp, AStatementThatNeedsMoreMemoryThanTheEngineMayTakeFailsAlone) {
  const auto answer = host().ask({.body = "SELECT length(groupArray(repeat('x', 100000 + number))) FROM numbers(30000)"});
  EXPECT_EQ(answer.exception_code(), "241") << answer.body;
  EXPECT_EQ(host().run("SELECT 1"), "1\n");
}

TEST_F(HostHttp, TheKernelKeepsTheEngineInItsFolder) {
  ASSERT_TRUE(host().ready().confined) << "this kernel has no Landlock or no seccomp";
  std::ifstream file(fmt::format("/proc/{}/status", host().pid()));
  const std::string status{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(status, HasSubstr("\nNoNewPrivs:\t1\n"));
  EXPECT_THAT(status, Not(HasSubstr("\nUid:\t0")));
  std::filesystem::remove("/tmp/tributary-must-not-be");  // of a run without this defence
  EXPECT_NE(host().ask({.body = "SELECT file('/etc/passwd')"}).status, 200);
  EXPECT_NE(host().ask({.body = "SELECT * FROM file('/proc/self/environ', 'RawBLOB')"}).status, 200);
  EXPECT_NE(host().ask({.body = "SELECT 1 INTO OUTFILE '/tmp/tributary-must-not-be'"}).status, 200);
  EXPECT_FALSE(std::filesystem::exists("/tmp/tributary-must-not-be"));
  // The port answers, as this test shows; from inside nothing can be reached.
  const auto to_itself = fmt::format("SELECT * FROM url('http://127.0.0.1:{}/ping', 'RawBLOB')", host().ready().port);
  EXPECT_NE(host().ask({.target = "/?http_max_tries=1&http_connection_timeout=1", .body = to_itself}).status, 200);
}

TEST_F(HostHttp, TheOfficialJavaScriptClientWorks) {
  const auto text =
      output_of(fmt::format("CLICKHOUSE_PASSWORD={} node {}/tests/javascript/clickhouse_client.mjs http://127.0.0.1:{}",
                            host().ready().credentials.admin_password, TRIBUTARY_SOURCE_DIR, host().ready().port));
  EXPECT_THAT(text, HasSubstr("all passed")) << text;
}

}  // namespace
}  // namespace tributary::clickhouse::embedded::test
