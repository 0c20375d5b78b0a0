#include "server/daemon/observation.h"

#include <string>
#include <utility>

#include "server/daemon/checks.h"
#include "server/observability/metrics_page.h"
#include "server/observability/process_metrics.h"

namespace kvd::daemon {

using observability::HttpRequest;
using observability::HttpResponse;
using observability::HttpServer;
using observability::MetricsPage;

StatusOr<std::unique_ptr<Observation>> Observation::Serve(const config::HostPort& at,
                                                          const Sources& sources) {
  std::unique_ptr<Observation> observation(new Observation(sources));
  const auto answer = [raw = observation.get()](const HttpRequest& request) {
    return raw->Answer(request);
  };
  KVD_ASSIGN_OR_RETURN(observation->http_,
                       HttpServer::Start({.host = at.host, .port = at.port, .handler = answer}));
  observation->address_ = {at.host, observation->http_->port()};
  return observation;
}

// Aside: the thread that answers probes must not become the node's.
Observation::Observation(const Sources& sources)
    : sources_(sources),
      probe_(sources.runtime.shards(), [&runtime = sources.runtime](uint32_t shard,
                                                                    NodeProbe::Answer answer) {
        runtime.PostAside(shard, [answer = std::move(answer)](node::Node& node, Instant now) {
          answer(FactsOf(node, now));
        });
      }) {}

HttpResponse Observation::Answer(const HttpRequest& request) {
  const bool verbose = request.Has("verbose");
  if (request.path == "/metrics") return Metrics();
  if (request.path == "/livez") {
    return Report("live", CheckLife(Together(probe_.Facts()), probe_.patience()), verbose);
  }
  if (request.path == "/readyz") {
    return Report("ready", CheckReadiness(Together(probe_.Facts()), probe_.patience()), verbose);
  }
  return {.code = 404, .body = "there are /metrics, /livez and /readyz\n"};
}

HttpResponse Observation::Metrics() {
  MetricsPage page;
  page.AddGauge("kvd_build_info", "1; the version is the label.", 1, {{"version", KVD_VERSION}});
  // Before the probe, which waits until it is empty.
  for (uint32_t i = 0; i < sources_.runtime.shards(); ++i) {
    page.AddGauge("kvd_runtime_mailbox_depth", "Events that the shard has yet to take.",
                  static_cast<double>(sources_.runtime.mailbox_depth(i)),
                  {{"shard", std::to_string(i)}});
  }
  AddNodeMetrics(page, probe_.Facts());
  sources_.server.AddMetrics(page);
  sources_.storage.AddTo(page, sources_.on_disk.figures(), sources_.store.put_bytes());
  observability::AddProcessMetrics(page);
  return {.body = page.Text(), .content_type = std::string(MetricsPage::kContentType)};
}

}  // namespace kvd::daemon
