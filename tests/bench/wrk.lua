-- SPDX-License-Identifier: Apache-2.0
-- What wrk sends, by environment; and its result as one line: requests, microseconds, errors and the
-- latencies in microseconds.
--
--   BENCH_METHOD, BENCH_TYPE, BENCH_TOKEN    of each request
--   BENCH_BODY                               the body of each request, or:
--   BENCH_BODIES, BENCH_LINES                a file, cut into bodies of so many lines, sent in turn

wrk.method = os.getenv("BENCH_METHOD") or "GET"
wrk.headers["Authorization"] = "Bearer " .. (os.getenv("BENCH_TOKEN") or "none")
wrk.headers["Content-Type"] = os.getenv("BENCH_TYPE")
wrk.body = os.getenv("BENCH_BODY")

local file, prepared, turn = os.getenv("BENCH_BODIES"), {}, 0

local function prepare(lines)
   prepared[#prepared + 1] = wrk.format(nil, nil, nil, table.concat(lines))
end

-- Each request is made once, so that sending it costs wrk a copy.
local function prepare_all()
   local lines, most = {}, tonumber(os.getenv("BENCH_LINES"))
   for line in io.lines(file) do
      lines[#lines + 1] = line .. "\n"
      if #lines == most then
         prepare(lines)
         lines = {}
      end
   end
end

-- A global `request` makes wrk ask for every single request: only where they differ.
if file then
   init = prepare_all
   function request()
      turn = turn % #prepared + 1
      return prepared[turn]
   end
end

function done(summary, latency)
   local e = summary.errors
   io.write(string.format("wrk %d %d %d %d %d\n", summary.requests, summary.duration,
      e.connect + e.read + e.write + e.status + e.timeout,
      latency:percentile(50), latency:percentile(99)))
end
