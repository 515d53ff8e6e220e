import BusModel
import VMBusWire

/// The log as one page for a browser, without anything from elsewhere: a list with a filter, and the fields of a record.
///
/// Records are JSON in a script, in which nothing can end the script; the page puts them on the screen as text alone.
struct HTMLPage: Sendable {
    private let title: String
    private var hasRecords = false

    init(title: String) { self.title = title }

    /// What stands before the records.
    var beginning: [UInt8] { Array(Self.head(title: Self.escaped(title)).utf8) }
    /// What stands behind them.
    static var end: [UInt8] { Array((tail).utf8) }

    mutating func add(_ entry: FlowEntry, _ payload: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        var writer = JSONWriter()
        let header = entry.header
        writer.array { writer in
            writer.value(header.sequence)
            writer.value(header.time)
            writer.value(entry.partitionName)
            writer.value(entry.channelLabel)
            writer.value(entry.directionWord)
            writer.value(header.kind.word)
            writer.value(entry.name)
            writer.value(header.payloadLength)
            writer.value(entry.info)
            writer.array { writer in
                for field in RecordDissector.tree(entry, payload).fields { FlowJSON.write(field, to: &writer) }
            }
        }
        if hasRecords { bytes.append(UInt8(ascii: ",")) }
        hasRecords = true
        bytes.append(UInt8(ascii: "\n"))
        // A tag can begin only inside a text, where it is written otherwise.
        for byte in writer.bytes {
            switch byte {
            case UInt8(ascii: "<"): bytes += #"\u003c"#.utf8
            case UInt8(ascii: ">"): bytes += #"\u003e"#.utf8
            case UInt8(ascii: "&"): bytes += #"\u0026"#.utf8
            default: bytes.append(byte)
            }
        }
    }

    /// Text that is nothing but text in HTML.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "&": result += "&amp;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case _ where scalar.steersTerminal: result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func head(title: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><title>\(title)</title>
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
        <style>
        :root{color-scheme:light dark}
        body{font:14px system-ui,sans-serif;margin:0;display:flex;flex-direction:column;height:100vh}
        header{padding:.5em;display:flex;gap:1em;align-items:center}
        h1{font-size:1em;margin:0}
        input{flex:1;font:inherit}
        main{flex:1;display:flex;min-height:0}
        #list{flex:2;overflow:auto}
        #fields{flex:1;overflow:auto;border-left:1px solid gray;padding:.5em;font:12px ui-monospace,monospace;white-space:pre-wrap}
        table{border-collapse:collapse;font:12px ui-monospace,monospace;width:100%}
        td,th{padding:0 .5em;text-align:left;white-space:nowrap;height:20px}
        th{position:sticky;top:0;background:Canvas}
        tr.on td{background:Highlight;color:HighlightText}
        td.n{text-align:right}
        </style></head><body>
        <header><h1>\(title)</h1><input id="filter" placeholder="words that a record must have; -word for those that it must not" aria-label="Filter"><span id="count"></span></header>
        <main><div id="list"><table><thead><tr><th>Record</th><th>Time s</th><th>Partition</th><th>Channel</th><th>Direction</th><th>Kind</th><th>Name</th><th>Bytes</th><th>Info</th></tr></thead><tbody id="rows"></tbody></table></div><div id="fields">Choose a record.</div></main>
        <script>
        const records=[
        """
    }

    private static let tail = #"""

        ];
        const rowHeight=20,list=document.getElementById("list"),rows=document.getElementById("rows"),
        fields=document.getElementById("fields"),filter=document.getElementById("filter"),count=document.getElementById("count");
        const texts=records.map(r=>r.slice(0,9).join(" ").toLowerCase());
        let shown=records,chosen=null;
        function show(){
          const first=Math.max(0,Math.floor(list.scrollTop/rowHeight)-20),
          last=Math.min(shown.length,first+Math.ceil(list.clientHeight/rowHeight)+40);
          rows.textContent="";
          const gap=n=>{const r=document.createElement("tr");r.style.height=n*rowHeight+"px";rows.append(r)};
          gap(first);
          for(const r of shown.slice(first,last)){
            const row=document.createElement("tr");
            if(r===chosen)row.className="on";
            [r[0],(r[1]/1e9).toFixed(9),r[2],r[3],r[4]||"",r[5],r[6],r[7],r[8]].forEach((text,i)=>{
              const cell=document.createElement("td");
              cell.textContent=text;
              if(i===0||i===1||i===7)cell.className="n";
              row.append(cell)});
            row.onclick=()=>{chosen=r;fields.textContent=r[6]+"\n"+tree(r[9],"");show()};
            rows.append(row)}
          gap(shown.length-last);
          count.textContent=shown.length+" of "+records.length}
        function tree(list,indent){
          return list.map(f=>indent+f.name+(f.value===null?"":": "+f.value)+(f.text?"  "+f.text:"")+
            "  @"+f.offset+"+"+f.size+"\n"+(f.fields?tree(f.fields,indent+"  "):"")).join("")}
        filter.oninput=()=>{
          const words=filter.value.toLowerCase().split(/\s+/).filter(Boolean);
          shown=records.filter((r,i)=>words.every(w=>w[0]==="-"&&w.length>1?!texts[i].includes(w.slice(1)):texts[i].includes(w)));
          list.scrollTop=0;show()};
        list.onscroll=show;window.onresize=show;show();
        </script></body></html>

        """#
}
