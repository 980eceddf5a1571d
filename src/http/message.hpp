#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/deadline.hpp"
#include "base/uuid.hpp"
#include "http/error.hpp"

namespace tributary::http {

namespace asio = boost::asio;
namespace json = boost::json;

enum class Method { get, post, put, patch, delete_ };
std::string_view to_string(Method method);  ///< "GET"
std::optional<Method> parse_method(std::string_view name);

/// Header fields; names are compared without regard to case.
class Headers {
 public:
  void add(std::string_view name, std::string_view value);
  /// The first one of that name.
  std::optional<std::string_view> find(std::string_view name) const;
  /// The same, empty where there is none.
  std::string_view get(std::string_view name) const { return find(name).value_or(std::string_view()); }
  /// One of the API's own, under the first of its names that there is: "project-id" is x-stack-project-id or x-hexclave-project-id.
  std::optional<std::string_view> find_own(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// The value of a cookie among those of a request's field Cookie; empty where there is none.
std::string_view cookie_named(std::string_view name, std::string_view cookies);

/// Whether a field is one of the API's own, by whichever of its names.
bool is_own_header(std::string_view name);

/// Who may call an endpoint. What each one has to show is the authenticator's business.
enum class Access {
  none,  ///< anybody
  server,  ///< a server of the project
  admin,  ///< who administrates the project
  operator_,  ///< who runs this installation
  cron,  ///< what drives the synchronisation from outside
};
std::string_view to_string(Access access);

/// Who called.
struct Identity {
  Access access = Access::none;
  std::string project;
  std::string branch;
  Uuid tenancy;  ///< zero where the call is about no tenancy
};

/// A request as it came.
struct RawRequest {
  std::string method;
  std::string target;  ///< path and query
  Headers headers;
  std::string body;
  std::string id;  ///< of this request: in its answer, in the log
  std::string client;  ///< address of whoever is connected: of a proxy, where there is one
  Deadline deadline = Deadline::never();
};

/// A request that was checked against its endpoint's schemas.
struct Request {
  const RawRequest& raw;
  Identity identity;
  json::object path;  ///< parameters of the path by name, of their schemas' types
  json::object query;  ///< parameters of the query, those that were given
  json::value body;  ///< null where the endpoint takes none
  Deadline deadline = Deadline::never();  ///< what the handler waits for must be done by then

  const std::string& id() const { return raw.id; }
  /// A parameter of the path. REQUIRES: the endpoint declares it, as a string or a UUID.
  std::string text(std::string_view name) const;
  Uuid uuid(std::string_view name) const;
};

/// What a streamed answer is written with.
class Writer {
 public:
  virtual ~Writer() = default;
  /// Sends at once. As slow as the client: wait for each. Throws boost::system::system_error where the client is gone, or took nothing for too long.
  virtual asio::awaitable<void> write(std::string_view data) = 0;
  /// Requested when the client has gone away or the server drains: the stream then ends itself.
  virtual std::stop_token stop() const = 0;
};

/// Writes an answer whose length nobody knows before: server-sent events, a large export. May take as long as it likes; ends with its return.
using Stream = std::function<asio::awaitable<void>(Writer& writer)>;

/// An answer.
struct Response {
  unsigned status = 0;  ///< 0: the one that the endpoint declares
  std::string content_type = "application/json";
  Headers headers = {};
  std::string body = {};
  Stream stream = {};  ///< instead of a body
  std::string route = {};  ///< set by the router: the path as declared, for metrics
  std::string project = {};  ///< set by the router: who called, for the log

  static Response of(const json::value& value);
  /// JSON that is text already.
  static Response of_json(std::string text);
  static Response of_text(std::string text, std::string content_type = "text/plain; charset=utf-8");
  static Response of(const Error& error);
  static Response of_stream(std::string content_type, Stream stream);
};

}  // namespace tributary::http
