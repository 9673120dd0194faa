/// How the status page looks, light and dark.
enum StatusPageStyle {
    static let text = """
        :root { color-scheme: light dark; --paper: #f5f6f8; --card: #fff; --ink: #1b2330; --soft: #5d6878; --line: #e1e5eb;
          --own: #b8543c; --others: #2f7f79; --stored: #7fb8a9; --bad: #c0362c; --other: #aab2bd; --warn: #96690a;
          --bar: #4a78b5; --good: #2c7a4b; }
        @media (prefers-color-scheme: dark) { :root { --paper: #12161c; --card: #1b212a; --ink: #e6eaf0; --soft: #98a3b3;
          --line: #2c3542; --own: #e08468; --others: #4fb3ab; --stored: #3b837a; --bad: #f0776b; --other: #566172;
          --warn: #e0b44c; --bar: #6d9bd8; --good: #5dbb82; } }
        * { box-sizing: border-box; margin: 0; }
        body { background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; padding: 0 0 3rem; }
        header, main { max-width: 72rem; margin: 0 auto; padding: 0 1.25rem; }
        header { display: flex; align-items: baseline; gap: 1rem; padding-top: 1.5rem; padding-bottom: 1.25rem; }
        h1 { font-size: 1.35rem; letter-spacing: -.01em; }
        h2 { font-size: .8rem; font-weight: 600; color: var(--soft); letter-spacing: .02em; }
        section > h2 { font-size: 1rem; color: var(--ink); margin: 2rem 0 .75rem; }
        code, td.key { font: .85rem/1.45 ui-monospace, monospace; }
        header code { color: var(--soft); overflow-wrap: anywhere; }
        #live { margin-left: auto; font-size: .8rem; color: var(--soft); white-space: nowrap; }
        #live::before { content: ""; display: inline-block; width: .55rem; height: .55rem; border-radius: 50%;
          margin-right: .45rem; background: var(--other); }
        #live.on::before { background: var(--good); }
        #live.off { color: var(--bad); } #live.off::before { background: var(--bad); }
        .tiles { display: grid; grid-template-columns: 2fr 1fr 1fr 1fr; gap: .9rem; }
        .tile, figure, .scroll, .sizes { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
        .tile { padding: .9rem 1rem 1rem; }
        .figure { font-size: 2rem; font-weight: 600; letter-spacing: -.02em; line-height: 1.25;
          font-variant-numeric: tabular-nums; }
        .note { color: var(--soft); font-size: .85rem; font-weight: 400; }
        dl { font-size: .85rem; display: grid; grid-template-columns: 1fr auto; gap: .1rem .75rem; margin-top: .4rem; }
        dt { color: var(--soft); } dd { text-align: right; font-variant-numeric: tabular-nums; }
        dd.bad { color: var(--bad); font-weight: 600; }
        .stack { display: flex; height: .7rem; border-radius: .35rem; overflow: hidden; margin: .75rem 0 .6rem;
          background: var(--line); gap: 1px; }
        .stack i { flex: 0 1 0; min-width: 0; }
        .legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; font-size: .85rem; }
        .legend i { display: inline-block; width: .6rem; height: .6rem; border-radius: .15rem; margin-right: .4rem; }
        .legend b { font-weight: 600; font-variant-numeric: tabular-nums; }
        .own_call { background: var(--own); } .others_call { background: var(--others); }
        .stored { background: var(--stored); } .timeout, .error { background: var(--bad); }
        .cancelled { background: var(--other); }
        .charts { display: grid; grid-template-columns: repeat(3, 1fr); gap: .9rem; }
        figure { padding: .9rem 1rem .8rem; min-width: 0; }
        figcaption { font-size: .85rem; font-weight: 600; }
        svg { display: block; width: 100%; height: auto; margin-top: .4rem; }
        svg rect.bar { fill: var(--bar); } svg line { stroke: var(--line); }
        svg text { fill: var(--soft); font-size: 10px; font-family: system-ui, sans-serif; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-size: .9rem; }
        th { text-align: left; font-size: .8rem; font-weight: 600; color: var(--soft); }
        th, td { padding: .45rem .9rem; white-space: nowrap; border-bottom: 1px solid var(--line); }
        tbody tr:last-child td { border-bottom: 0; }
        .n { text-align: right; font-variant-numeric: tabular-nums; }
        td.empty { text-align: center; color: var(--soft); padding: 1.5rem; }
        .held { color: var(--warn); font-weight: 600; } .success { color: var(--good); }
        .failed_terminal, .damaged, .gone { color: var(--bad); font-weight: 600; } .failed_transient { color: var(--own); }
        .sizes { margin: 0; padding: .8rem 1rem; grid-template-columns: repeat(4, auto 1fr); gap: .3rem .75rem; }
        .sizes dd { text-align: left; padding-right: 1.5rem; }
        noscript { display: block; max-width: 72rem; margin: 1rem auto; padding: 0 1.25rem; }
        @media (max-width: 60rem) { .tiles { grid-template-columns: 1fr 1fr; } .wide { grid-column: 1 / -1; }
          .charts { grid-template-columns: 1fr; } .sizes { grid-template-columns: repeat(2, auto 1fr); } }
        @media (max-width: 34rem) { .tiles { grid-template-columns: 1fr; } header { flex-wrap: wrap; }
          .sizes { grid-template-columns: auto 1fr; } }
        """
}
