-- What wrk sends for server.py, and how it reports: one line of numbers.
wrk.method = "POST"
wrk.path = "/events"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"event":"clicked_event","url":"https://www.example.com/blog/first-party-event-collection",'
  .. '"properties":{"element":"button","text":"Read more","section":"hero","href":"/pricing",'
  .. '"x":412,"y":1830,"scroll_depth":0.42,"clickable":true,"viewport":"1440x900"}}'

done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format("result requests=%d microseconds=%d failed=%d median=%d p99=%d\n",
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
