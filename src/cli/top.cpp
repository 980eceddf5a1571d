#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <memory>

#include "base/event.hpp"
#include "cli/command.hpp"
#include "cli/top/observer.hpp"
#include "cli/top/terminal.hpp"

namespace tributary::cli {
namespace {

using namespace std::chrono_literals;
using top::Order;

constexpr auto kEvery = 1s;
/// Where there is no terminal that says how many fit.
constexpr std::size_t kMostPlain = 20;
constexpr top::Size kUnlimited{.columns = 1'000, .lines = 1'000};

struct Options {
  std::vector<std::string> processes;
  bool once = false;
  bool json = false;
};

/// What the keys have set.
struct Controls {
  bool quit = false;
  bool paused = false;
  Order order = Order::oldest;

  void press(char key) {
    if (key == 'q') quit = true;
    if (key == 'p') paused = !paused;
    if (key == 's') order = order == Order::oldest ? Order::attempts : order == Order::attempts ? Order::name : Order::oldest;
  }
  std::string footer() const {
    return "q quit  p " + std::string(paused ? "go on" : "pause") + "  s sort: " + std::string(to_string(order));
  }
};

/// Frames on a terminal, until q, Ctrl-C or SIGTERM.
asio::awaitable<void> watch(top::Observer& observer, std::stop_token stop) {
  const auto executor = co_await asio::this_coro::executor;
  Controls controls;
  Event pressed(executor);
  top::Terminal terminal(executor, [&](char key) {
    controls.press(key);
    pressed.set();
  });
  // At once, whatever is still waited for then.
  const std::stop_callback leave(stop, [&] { terminal.restore(); });
  auto before = co_await observer.look();
  auto now = before;
  for (bool has_before = false; !stop.stop_requested() && !controls.quit; has_before = true) {
    const auto size = terminal.size();
    const auto frame = frame_of(has_before ? &before : nullptr, now, controls.order, size.lines);
    terminal.draw(render(frame, size, controls.footer()));
    const auto next = Deadline::after(kEvery);
    while (!next.expired() && !stop.stop_requested() && !controls.quit) {
      // A key shows at once what it does.
      if (co_await pressed.wait(next, stop))
        terminal.draw(render(frame_of(has_before ? &before : nullptr, now, controls.order, size.lines), size, controls.footer()));
    }
    if (controls.paused || controls.quit || stop.stop_requested()) continue;
    auto after = co_await observer.look();
    before = std::exchange(now, std::move(after));
  }
}

/// Frames where nobody watches: one of them, unless it is JSON.
asio::awaitable<void> print(top::Observer& observer, const Options& options, std::stop_token stop) {
  Event pause(co_await asio::this_coro::executor);
  auto before = co_await observer.look();
  if (!before.source_error.empty() && options.processes.empty()) throw Failure(before.source_error);
  do {
    co_await pause.wait(Deadline::after(kEvery), stop);
    if (stop.stop_requested()) co_return;
    auto now = co_await observer.look();
    const auto frame = frame_of(&before, now, Order::oldest, kMostPlain);
    const auto text = options.json ? boost::json::serialize(to_json(frame)) + '\n' : render(frame, kUnlimited, "");
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
    before = std::move(now);
  } while (options.json && !options.once);
}

asio::awaitable<int> run(const settings::Settings& settings, const Options& options,
                         const std::vector<mapping::Mapping>& mappings, std::stop_token stop) {
  std::vector<top::Process> processes;
  for (const auto& url : options.processes) processes.push_back(top::Process::parse(url));
  top::Observer observer(source_options(settings), mappings, std::move(processes));
  if (options.once || options.json || ::isatty(STDOUT_FILENO) == 0)
    co_await print(observer, options, stop);
  else
    co_await watch(observer, stop);
  co_return kDone;
}

}  // namespace

void add_top(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "top", "Watch rates, lag, queue and the worst destinations, a frame a second; q quits, p pauses, s sorts");
  command
      ->add_option(
          "--process", options->processes,
          "Address of a `tributary serve` with the role api, whose /metrics tell lag and rows applied; may be given several "
          "times, and then those of all are added up")
      ->type_name("URL")
      ->allow_extra_args(false);
  command->add_flag("--once", options->once, "Print one frame, of one second, and exit; so it is where there is no terminal");
  command->add_flag("--json", options->json, "Print each frame as a JSON object on a line of its own");
  command->callback([&chosen, options] {
    chosen = [options](const settings::Settings& settings) {
      const auto mappings = load_mappings(settings);
      return run_until_signal([&](std::stop_token stop) { return run(settings, *options, mappings, stop); });
    };
  });
}

}  // namespace tributary::cli
