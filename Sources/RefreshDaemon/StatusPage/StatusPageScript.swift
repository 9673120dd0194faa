/// What the status page does: asks again and again, and shows what it is told, as text only.
enum StatusPageScript {
    static let text = #"""
        "use strict";
        const pause = 2000, shownRows = 200;
        const at = id => document.getElementById(id);
        const make = (tag, text, name) => {
          const made = document.createElement(tag);
          if (text !== undefined) made.textContent = text;
          if (name) made.className = name;
          return made;
        };
        const number = value => value === null || value === undefined ? "–" : value.toLocaleString("en");
        const bytes = value => {
          const units = ["B", "KiB", "MiB", "GiB", "TiB"];
          let unit = 0;
          while (value >= 1024 && unit < 4) { value /= 1024; unit += 1; }
          return (unit && value < 10 ? value.toFixed(1) : Math.round(value)) + " " + units[unit];
        };
        const span = ms => {
          const size = Math.abs(ms), sign = ms < 0 ? "−" : "";
          if (size < 1000) return sign + size + " ms";
          if (size < 60000) return sign + (size / 1000).toFixed(1) + " s";
          return sign + Math.floor(size / 60000) + " m " + Math.floor(size % 60000 / 1000) + " s";
        };
        const brief = us => us < 1000 ? us + " µs" : us < 1000000 ? us / 1000 + " ms" : us / 1000000 + " s";
        const list = (target, entries) => target.replaceChildren(...entries.flatMap(
          ([name, value, bad]) => [make("dt", name), make("dd", value, bad ? "bad" : "")]));
        const sum = values => Object.values(values).reduce((a, b) => a + b, 0);

        const ways = [["own_call", "own call"], ["others_call", "another’s call"], ["stored", "found stored"],
          ["timeout", "timed out"], ["error", "failed"], ["cancelled", "cancelled"]];
        const showCallers = callers => {
          const total = sum(callers), calls = callers.own_call;
          const served = calls + callers.others_call + callers.stored, share = served ? 1 - calls / served : 0;
          at("ratio").textContent = !served ? "–" : share > 0.9995 ? "> 99.9 %" : (share * 100).toFixed(1) + " %";
          at("ratio-note").textContent = !served ? "no caller yet"
            : number(calls) + " of " + number(served) + " callers needed a call of their own";
          const seen = ways.filter(([way]) => callers[way] > 0);
          at("callers").replaceChildren(...seen.map(([way, name]) => {
            const part = make("i", undefined, way);
            part.style.flexGrow = callers[way] / total;
            part.title = name + ": " + number(callers[way]);
            return part;
          }));
          at("callers-legend").replaceChildren(...seen.map(([way, name]) => {
            const entry = make("li");
            entry.append(make("i", undefined, way), name + " ", make("b", number(callers[way])));
            return entry;
          }));
        };

        const drawing = "http://www.w3.org/2000/svg";
        const draw = (tag, attributes, text) => {
          const made = document.createElementNS(drawing, tag);
          for (const name in attributes) made.setAttribute(name, attributes[name]);
          if (text !== undefined) made.textContent = text;
          return made;
        };
        const quantile = (histogram, total, share) => {
          let seen = 0;
          for (let index = 0; index < histogram.buckets.length; index += 1) {
            seen += histogram.buckets[index];
            if (seen >= share * total) return histogram.bounds_us[index];
          }
        };
        const chart = (target, histogram) => {
          const { buckets, bounds_us: bounds } = histogram, total = sum(buckets);
          const width = 320, height = 130, floor = 92, step = width / buckets.length, most = Math.max(...buckets, 1);
          const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
          picture.append(draw("line", { x1: 0, x2: width, y1: floor + .5, y2: floor + .5 }));
          buckets.forEach((count, index) => {
            if (!count) return;
            const tall = Math.max(2, count / most * (floor - 8));
            const bar = draw("rect",
              { class: "bar", x: index * step + 1, width: step - 2, y: floor - tall, height: tall, rx: 1.5 });
            bar.append(draw("title", {},
              (index < bounds.length ? "≤ " + brief(bounds[index]) : "longer") + ": " + number(count)));
            picture.append(bar);
          });
          bounds.forEach((bound, index) => {
            if (![100, 1000, 10000, 100000, 1000000, 10000000].includes(bound)) return;
            const x = (index + 1) * step;
            picture.append(draw("line", { x1: x, x2: x, y1: floor, y2: floor + 4 }),
              draw("text", { x, y: floor + 15, "text-anchor": "middle" }, brief(bound)));
          });
          const words = ["p50", "p90", "p99"].map((name, index) => {
            const bound = total ? quantile(histogram, total, [.5, .9, .99][index]) : undefined;
            return name + (total ? bound === undefined ? " > " + brief(bounds.at(-1)) : " ≤ " + brief(bound) : " –");
          });
          words.forEach((word, index) => picture.append(draw("text", { x: index * 94, y: height - 4 }, word)));
          picture.append(draw("text", { x: width, y: height - 4, "text-anchor": "end" }, "of " + number(total)));
          picture.setAttribute("aria-label", words.join(", "));
          target.replaceChildren(picture);
        };

        const showCounters = seen => {
          at("directory").textContent = seen.directory;
          at("processes").textContent = number(seen.processes);
          at("waiting").textContent = number(seen.waiters);
          if (seen.counters) {
            const { upstream_calls: calls, callers, takeovers, other } = seen.counters;
            showCallers(callers);
            at("calls").textContent = number(sum(calls));
            list(at("calls-by"), [["success", number(calls.success)],
              ["session ended", number(calls.terminal)], ["failed, token good", number(calls.transient)],
              ["in doubt", number(calls.in_doubt), calls.in_doubt > 0]]);
            list(at("events"), [["taken from the dead", number(takeovers.dead)],
              ["taken from the late", number(takeovers.late), takeovers.late > 0],
              ["without a lease", number(other.refreshed_alone), other.refreshed_alone > 0],
              ["table failures", number(other.coordination_failures), other.coordination_failures > 0]]);
          }
          for (const name in seen.histograms ?? {}) {
            if (at("chart-" + name)) chart(at("chart-" + name), seen.histograms[name]);
          }
          const sizes = seen.sizes;
          list(at("sizes"), [["map used", bytes(sizes.map_used_bytes) + " of " + bytes(sizes.map_bytes)],
            ["records", bytes(sizes.record_bytes)], ["file system free", bytes(sizes.file_system_free_bytes)],
            ["readers", number(sizes.readers) + " of " + number(sizes.reader_slots)],
            ["wake pipes", number(sizes.pipes)],
            ["counting", number(seen.processes) + " of " + number(seen.process_slots)]]);
        };

        const showLeases = leases => {
          const held = leases.filter(lease => lease.state === "held");
          const waited = held.filter(lease => lease.waiters > 0).length;
          const longest = Math.max(0, ...held.map(lease => lease.age_ms));
          list(at("waiting-by"), [["leases held", number(held.length)], ["waited for", number(waited)],
            ["longest held", held.length ? span(longest) : "–"],
            ["holder gone", number(held.filter(lease => !lease.holder.alive).length),
              held.some(lease => !lease.holder.alive)]]);
          at("leases-note").textContent = leases.length > shownRows
            ? `the first ${shownRows} of ${number(leases.length)}` : leases.length ? number(leases.length) : "";
          at("rows").replaceChildren(...leases.slice(0, shownRows).map(lease => {
            const row = make("tr"), holder = lease.holder;
            row.append(make("td", lease.short_key, "key"), make("td", lease.state.replace("_", ", "), lease.state),
              make("td", number(lease.waiters), "n"),
              make("td", holder ? holder.pid + (holder.alive ? "" : " gone") : "–",
                holder && !holder.alive && lease.state === "held" ? "n gone" : "n"),
              make("td", lease.age_ms === null ? "–" : span(lease.age_ms), "n"),
              make("td", lease.time_left_ms === null ? "–" : span(lease.time_left_ms), "n"),
              make("td", number(lease.attempt), "n"), make("td", number(lease.size_bytes), "n"));
            if (lease.problem) row.title = lease.problem;
            return row;
          }));
          if (!leases.length) {
            const none = make("td", "No lease at the moment.", "empty"), row = make("tr");
            none.colSpan = 8;
            row.append(none);
            at("rows").append(row);
          }
        };

        const get = async path => {
          const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(5000) });
          if (!answer.ok) throw new Error("answer " + answer.status);
          return answer.json();
        };
        const update = async () => {
          try {
            const [counters, leases] = await Promise.all([get("/v1/counters"), get("/v1/leases")]);
            showCounters(counters);
            showLeases(leases.leases);
            at("live").textContent = "live";
            at("live").className = "on";
          } catch (error) {
            at("live").textContent = "no answer";
            at("live").className = "off";
          }
          setTimeout(update, pause);
        };
        update();
        """#
}
