#include "host.hpp"

#include <openssl/evp.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>

namespace tributary::clickhouse::embedded::test {
namespace {

namespace http = boost::beast::http;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Runs a coroutine to its end, and nothing longer: what watches the child goes on waiting.
template <class T>
T wait_for(boost::asio::io_context& loop, boost::asio::awaitable<T> work) {
  std::optional<T> result;
  std::exception_ptr failure;
  boost::asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error, T value) {
    failure = error;
    result = std::move(value);
  });
  loop.restart();  // it may have run out of work
  while (!result && !failure) loop.run_one();
  if (failure) std::rethrow_exception(failure);
  return std::move(*result);
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string base64(const std::string& text) {
  std::string result(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  result.resize(static_cast<std::size_t>(size));
  return result;
}

}  // namespace

Folder::Folder() {
  auto name = (fs::temp_directory_path() / "tributary-host-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = name;
  fs::permissions(path_, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string Answer::exception_code() const {
  const auto found = headers.find("x-clickhouse-exception-code");
  return found == headers.end() ? "" : found->second;
}

std::string url_encoded(const std::string& text) {
  std::string result;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0)
      result += static_cast<char>(c);
    else
      result += fmt::format("%{:02X}", c);
  }
  return result;
}

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> output(::popen((command + " 2>&1").c_str(), "r"), ::pclose);
  if (output == nullptr) throw std::runtime_error("popen");
  std::string text;
  std::array<char, 4096> piece{};
  while (const auto size = std::fread(piece.data(), 1, piece.size(), output.get())) text.append(piece.data(), size);
  return text;
}

Host::Host(const fs::path& folder, std::vector<std::string> flags) {
  std::vector<std::string> arguments{"clickhouse-host", "--data", folder.string(), "--end-with-input"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  child_ = std::make_unique<Child>(loop_.get_executor(), TRIBUTARY_BINARY, std::move(arguments));
  const auto line = wait_for(loop_, child_->first_line(Deadline::after(60s), {}));
  auto ready = line ? ReadyLine::parse(*line) : std::nullopt;
  if (!ready) throw std::runtime_error("the host did not become ready");
  ready_ = std::move(*ready);
}

Host::~Host() = default;

pid_t Host::pid() const { return child_->pid(); }

void Host::kill(int signal) { ::kill(child_->pid(), signal); }

std::optional<int> Host::wait(std::chrono::milliseconds time) { return wait_for(loop_, child_->wait(Deadline::after(time), {})); }

void Host::close_input() { child_->close_input(); }

void Host::end() {
  const auto end = [](Child& child) -> boost::asio::awaitable<bool> {
    co_await child.end(Deadline::after(15s));
    co_return true;
  };
  wait_for(loop_, end(*child_));
}

struct Host::Connection {
  explicit Connection(std::uint16_t port) { socket.connect({boost::asio::ip::address_v4::loopback(), port}); }
  boost::asio::io_context loop;
  boost::asio::ip::tcp::socket socket{loop};
};

std::shared_ptr<Host::Connection> Host::begin(Request request) const {
  auto connection = std::make_shared<Connection>(ready_.port);
  if (request.password.empty()) {
    const auto& known = ready_.credentials;
    request.password = request.user == Credentials::kTenant ? known.tenant_password : known.admin_password;
  }
  http::request<http::string_body> message(http::string_to_verb(request.method), request.target, 11, request.body);
  message.set(http::field::host, "127.0.0.1");
  if (!request.user.empty()) message.set(http::field::authorization, "Basic " + base64(request.user + ":" + request.password));
  for (const auto& [name, value] : request.headers) message.set(name, value);
  message.prepare_payload();
  boost::system::error_code error;
  http::write(connection->socket, message, error);
  return connection;
}

std::shared_ptr<void> Host::send(Request request) const { return begin(std::move(request)); }

Answer Host::ask(Request request) const {
  const auto connection = begin(std::move(request));
  boost::system::error_code error;
  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  http::read(connection->socket, buffer, parser, error);
  Answer answer{.status = parser.get().result_int(), .body = parser.get().body(), .cut_off = static_cast<bool>(error)};
  for (const auto& field : parser.get()) answer.headers[lower(std::string(field.name_string()))] = std::string(field.value());
  return answer;
}

std::string Host::run(const std::string& sql, const std::string& parameters) const {
  auto answer = ask({.target = "/?" + parameters, .body = sql});
  if (answer.status != 200 || answer.cut_off) throw std::runtime_error(sql.substr(0, 200) + ": " + answer.body);
  return answer.body;
}

Request Host::as(const std::string& project, const std::string& sql, const std::string& parameters) {
  return {.target = "/?SQL_project_id=" + url_encoded(project) + "&SQL_branch_id=main" + parameters,
          .body = sql,
          .user = std::string(Credentials::kTenant)};
}

Answer Host::ask_as(const std::string& project, const std::string& sql, const std::string& parameters) const {
  return ask(as(project, sql, parameters));
}

}  // namespace tributary::clickhouse::embedded::test
