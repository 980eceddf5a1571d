#include "http/router.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <deque>
#include <set>
#include <stdexcept>

#include "http/detail/routes.hpp"
#include "http/detail/target.hpp"
#include "http/detail/utf8.hpp"
#include "telemetry/log.hpp"

namespace tributary::http {
namespace {

using telemetry::Level;

std::string message_of(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

/// Says everything at once, so that a client need not try again for each mistake.
[[noreturn]] void refuse(const RawRequest& request, const std::vector<Violation>& violations) {
  auto message = fmt::format("Request validation failed on {} {}:", request.method, detail::shown_path(request.target));
  for (const auto& violation : violations) message += "\n  - " + violation.field + ' ' + violation.message;
  throw Error(kSchemaError, message, {{"message", message}});
}

/// Our own are texts: of the source, of answers.
void check_headers(const RawRequest& request) {
  for (const auto& [name, value] : request.headers.all()) {
    if (is_own_header(name) && !detail::is_utf8(value)) refuse(request, {{name, "is not UTF-8"}});
  }
}

json::object read_path(const Endpoint& endpoint, const std::vector<std::string>& values, std::vector<Violation>& violations) {
  json::object path;
  auto value = values.begin();
  for (const auto& segment : detail::segments_of(endpoint.path)) {
    const auto name = detail::parameter_name(segment);
    if (name.empty()) continue;
    path[{name.data(), name.size()}] = *value++;
  }
  std::ranges::move(check(endpoint.path_parameters, path, "params"), std::back_inserter(violations));
  return path;
}

json::object read_query(const Endpoint& endpoint, const detail::Target& target, std::vector<Violation>& violations) {
  json::object query;
  for (const auto& [name, text] : target.query) {
    const auto field = std::ranges::find(endpoint.query, name, &Field::name);
    const auto value = parse_parameter(field == endpoint.query.end() ? Schema::string() : field->schema, text);
    if (!query.emplace(name, value).second) violations.push_back({"query." + name, "is given twice"});
  }
  std::ranges::move(check(endpoint.query, query, "query"), std::back_inserter(violations));
  return query;
}

json::value read_body(const Endpoint& endpoint, const std::string& text, std::vector<Violation>& violations) {
  if (text.empty() || (!endpoint.body && text == "{}")) {
    if (endpoint.body) violations.push_back({"body", "is required"});
    return nullptr;
  }
  if (!endpoint.body) {
    violations.push_back({"body", "must be empty"});
    return nullptr;
  }
  json::parse_options options;
  options.max_depth = Router::kMostDepth;
  json::error_code error;
  auto value = json::parse(text, error, {}, options);
  if (error == json::error::too_deep)
    violations.push_back({"body", fmt::format("is nested deeper than {} levels", Router::kMostDepth)});
  else if (error)
    violations.push_back({"body", "is not JSON in UTF-8: " + error.message()});
  else
    std::ranges::move(check(*endpoint.body, value, "body"), std::back_inserter(violations));
  return value;
}

void require(bool holds, const Endpoint& endpoint, std::string_view what) {
  if (!holds) throw std::invalid_argument(fmt::format("{} {}: {}", to_string(endpoint.method), endpoint.path, what));
}

/// What would only show when somebody calls it.
void check_declaration(const Endpoint& endpoint) {
  require(endpoint.path.starts_with('/'), endpoint, "the path must begin with a slash");
  require(static_cast<bool>(endpoint.handle), endpoint, "there is no handler");
  require(!endpoint.body || endpoint.method != Method::get, endpoint, "a GET has no body");
  std::set<std::string_view> declared;
  for (const auto& field : endpoint.path_parameters) declared.insert(field.name);
  const auto segments = detail::segments_of(endpoint.path);
  for (const auto& segment : segments) {
    const auto name = detail::parameter_name(segment);
    if (!name.empty()) require(declared.erase(name) == 1, endpoint, fmt::format("the parameter {} is not declared", name));
  }
  require(declared.empty(), endpoint, "a parameter is declared that is not in the path");
}

/// The requests that are worked on, by a router and those that are mounted in it.
struct Admitted {
  std::size_t most = 0;  ///< 0: any number
  std::size_t now = 0;
};

/// Counts a request for as long as it is worked on. A coroutine that was cut off is destroyed after the router, hence its own part in the count.
class Admission {
 public:
  /// Throws Error where there are as many as may be.
  explicit Admission(std::shared_ptr<Admitted> admitted) : admitted_(std::move(admitted)) {
    if (admitted_->most > 0 && admitted_->now >= admitted_->most)
      throw Error(kBusy, "The server has more requests than it can take; try again later");
    ++admitted_->now;
  }
  ~Admission() { --admitted_->now; }
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

 private:
  const std::shared_ptr<Admitted> admitted_;
};

/// What was called and by whom, whatever comes of it.
struct Called {
  std::string route;
  std::string project;
};

}  // namespace

struct Router::Impl {
  ApiDescription api;
  Authenticator authenticate;
  ErrorMapper map_error;
  std::vector<std::vector<std::string>> prefixes;  ///< of the API, as segments
  std::deque<Endpoint> endpoints;  // routes refer to these
  detail::Routes routes;  ///< of the API, below its prefixes
  std::map<std::string, Page, std::less<>> pages;
  std::shared_ptr<Admitted> admitted = std::make_shared<Admitted>();
  std::vector<Router> mounted;

  bool is_below_prefix(const detail::Target& target) const;
  const Router* find_mounted(const detail::Target& target) const;
  const Page* find_page(std::string_view path) const;
  std::optional<detail::Routes::Found> find(const detail::Target& target) const;
  asio::awaitable<Response> dispatch(const RawRequest& raw, Called& called) const;
  asio::awaitable<Response> call(const Endpoint& endpoint, const RawRequest& raw, const detail::Target& target,
                                 const std::vector<std::string>& parameters, Called& called) const;
  Error to_error(std::exception_ptr thrown, const RawRequest& raw) const;
};

/// The page itself, or the nearest one above that takes what lies below it.
const Page* Router::Impl::find_page(std::string_view path) const {
  if (const auto exact = pages.find(path); exact != pages.end()) return &exact->second;
  for (auto above = path; !above.empty(); above = above.substr(0, above.rfind('/'))) {
    if (const auto page = pages.find(std::string(above) + "/*"); page != pages.end()) return &page->second;
  }
  return nullptr;
}

bool Router::Impl::is_below_prefix(const detail::Target& target) const {
  return std::ranges::any_of(prefixes, [&](const auto& prefix) {
    return target.segments.size() >= prefix.size() && std::ranges::equal(prefix, std::span(target.segments).first(prefix.size()));
  });
}

const Router* Router::Impl::find_mounted(const detail::Target& target) const {
  const auto found = std::ranges::find_if(mounted, [&](const Router& other) { return other.impl_->is_below_prefix(target); });
  return found == mounted.end() ? nullptr : &*found;
}

std::optional<detail::Routes::Found> Router::Impl::find(const detail::Target& target) const {
  const std::span segments(target.segments);
  for (const auto& prefix : prefixes) {
    if (segments.size() < prefix.size() || !std::ranges::equal(prefix, segments.first(prefix.size()))) continue;
    auto found = routes.find(segments.subspan(prefix.size()));
    if (found.endpoints != nullptr) return found;
  }
  return std::nullopt;
}

asio::awaitable<Response> Router::Impl::dispatch(const RawRequest& raw, Called& called) const {
  const auto target = detail::parse_target(raw.target);
  if (!target) refuse(raw, {{"target", "is no path and query in UTF-8"}});
  check_headers(raw);
  if (const auto* other = find_mounted(*target)) {
    auto response = co_await other->answer(raw);
    called = {.route = response.route, .project = response.project};
    co_return response;
  }
  const auto path = detail::path_of(raw.target);
  const bool asks_methods = raw.method == "OPTIONS";
  const auto method = parse_method(raw.method == "HEAD" ? "GET" : raw.method);
  std::string allowed = "OPTIONS";
  if (const auto* page = find_page(path)) {
    called.route = page->path;
    if (method == Method::get)
      co_return co_await page->handle(
          {.raw = raw, .identity = {}, .path = {}, .query = {}, .body = {}, .deadline = raw.deadline});
    allowed += ", GET, HEAD";
  } else if (const auto found = find(*target)) {
    const auto endpoint = method ? found->endpoints->find(*method) : found->endpoints->end();
    if (endpoint != found->endpoints->end()) co_return co_await call(*endpoint->second, raw, *target, found->parameters, called);
    for (const auto& [other, unused] : *found->endpoints)
      allowed += fmt::format(", {}{}", to_string(other), other == Method::get ? ", HEAD" : "");
  } else {
    throw Error(kNotFound, fmt::format("Nothing answers at {}", detail::shown_path(raw.target)));
  }
  auto response =
      asks_methods
          ? Response{.status = 204, .content_type = ""}
          : Response::of(Error(kMethodNotAllowed, fmt::format("{} takes {} only", detail::shown_path(raw.target), allowed)));
  response.headers.add("allow", allowed);
  co_return response;
}

asio::awaitable<Response> Router::Impl::call(const Endpoint& endpoint, const RawRequest& raw, const detail::Target& target,
                                             const std::vector<std::string>& parameters, Called& called) const {
  called.route = endpoint.path;
  const Admission admission(admitted);
  // Who calls comes first: a stranger learns nothing of what is wrong with a request.
  Identity identity;
  if (endpoint.access != Access::none) identity = co_await authenticate(endpoint.access, raw);
  called.project = identity.project;
  std::vector<Violation> violations;
  const Request request{.raw = raw,
                        .identity = std::move(identity),
                        .path = read_path(endpoint, parameters, violations),
                        .query = read_query(endpoint, target, violations),
                        .body = read_body(endpoint, raw.body, violations),
                        .deadline = raw.deadline};
  if (!violations.empty()) refuse(raw, violations);
  auto response = co_await endpoint.handle(request);
  if (response.status == 0) response.status = endpoint.status;
  co_return response;
}

Error Router::Impl::to_error(std::exception_ptr thrown, const RawRequest& raw) const {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    return error;
  } catch (...) {
  }
  auto known = map_error ? map_error(thrown) : std::nullopt;
  const bool is_busy = known && known->code() == kBusy.code;  // nothing is wrong
  if (!is_busy) telemetry::log(Level::error, "http", "a request failed", {{"request", raw.id}, {"error", message_of(thrown)}});
  return known ? *known : Error(kInternal, "Something went wrong on our side. Quote the request id " + raw.id);
}

Router::Router(ApiDescription api, Authenticator authenticator, ErrorMapper map_error)
    : impl_(std::make_unique<Impl>(
          Impl{.api = std::move(api), .authenticate = std::move(authenticator), .map_error = std::move(map_error)})) {
  for (const auto& prefix : impl_->api.prefixes) impl_->prefixes.push_back(detail::segments_of(prefix));
}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;

void Router::admit(std::size_t most_requests) { impl_->admitted->most = most_requests; }

void Router::add(Endpoint endpoint) {
  check_declaration(endpoint);
  impl_->routes.add(impl_->endpoints.emplace_back(std::move(endpoint)));
}

void Router::add_page(Page page) {
  const auto path = page.path;
  if (!impl_->pages.emplace(path, std::move(page)).second) throw std::invalid_argument("the page " + path + " is declared twice");
}

asio::awaitable<Response> Router::answer(const RawRequest& request) const {
  Called called;
  Response response;
  std::exception_ptr thrown;
  try {
    response = co_await impl_->dispatch(request, called);
  } catch (...) {
    thrown = std::current_exception();
  }
  const auto state = co_await asio::this_coro::cancellation_state;
  if (thrown && state.cancelled() != asio::cancellation_type::none) std::rethrow_exception(thrown);
  if (thrown) response = Response::of(impl_->to_error(thrown, request));
  if (response.status == 0) response.status = 200;
  response.route = std::move(called.route);
  response.project = std::move(called.project);
  co_return response;
}

void Router::mount(Router other) {
  other.impl_->admitted = impl_->admitted;
  impl_->mounted.push_back(std::move(other));
}

const Endpoint* Router::find(const RawRequest& request) const {
  const auto target = detail::parse_target(request.target);
  if (const auto* other = target ? impl_->find_mounted(*target) : nullptr) return other->find(request);
  const auto found = target ? impl_->find(*target) : std::nullopt;
  const auto method = parse_method(request.method);
  if (!found || !method || !found->endpoints->contains(*method)) return nullptr;
  return found->endpoints->at(*method);
}

const ApiDescription& Router::api() const { return impl_->api; }
const std::deque<Endpoint>& Router::endpoints() const { return impl_->endpoints; }

}  // namespace tributary::http
