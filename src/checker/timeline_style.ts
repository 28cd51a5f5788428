/** How the timeline page looks, and the little that it does by itself: nothing here comes from a history. @module */

/** The style sheet. Light and dark by what the reader prefers; on paper always light. */
export const TIMELINE_STYLE = `
:root{color-scheme:light dark;--paper:#fff;--ink:#1d2430;--soft:#5b6676;--line:#d5dbe3;--odd:#f5f7fa;--replica:#eef1f5;
--put:#2f6fd6;--get:#1a8f63;--delete:#9a5b13;--cas:#7a4bc2;--fail:#8a93a0;--guilty:#c81e3a;--guilty-soft:#fdecef;
--ok:#1a7f4b;--unknown:#8a6100;--down:#39414d;--paused:#8d6fc9;--cut:#d98a00}
@media (prefers-color-scheme:dark){:root{--paper:#14181f;--ink:#e6eaf0;--soft:#9aa6b6;--line:#333c49;--odd:#191f28;
--replica:#1e2530;--put:#6aa2ff;--get:#45c795;--delete:#d99b4e;--cas:#b592f5;--fail:#7c8796;--guilty:#ff6079;
--guilty-soft:#37191f;--ok:#4cc98a;--unknown:#e0b040;--down:#8b97a8;--paused:#b79df0;--cut:#f0ad3c}}
*{box-sizing:border-box}
body{margin:0 auto;padding:20px 24px 48px;max-width:1500px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}
h1{margin:0 0 6px;font-size:22px;line-height:1.35;overflow-wrap:anywhere}
h2{margin:30px 0 6px;font-size:17px}
p,ol,ul{margin:4px 0 10px;max-width:110ch;overflow-wrap:anywhere}
li{margin:3px 0}
a{color:var(--put)}
.stamp{display:inline-block;margin-bottom:10px;padding:2px 12px;border-radius:4px;color:var(--paper);font-weight:700;
letter-spacing:.06em;background:var(--ok)}
.violated .stamp{background:var(--guilty)}
.unknown .stamp{background:var(--unknown)}
.facts,.hint,.words{color:var(--soft);font-size:14px}
.words{min-height:3em;margin:2px 0;overflow-wrap:anywhere}
.words.told{color:var(--ink)}
figure{margin:0}
.picture{display:flex;border:1px solid var(--line);border-radius:6px;overflow:hidden;width:fit-content;max-width:100%}
.scroll{overflow-x:auto;min-width:0}
svg{display:block;flex:none}
.names{border-right:1px solid var(--line)}
text{font:11px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:var(--ink);white-space:pre}
.small{font-size:10px;fill:var(--soft)}
.lane,.note{font-weight:700}
.halo{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.note.halo{stroke:var(--replica)}
.close text{font-size:12px}
.close .small{font-size:11px}
.ground{fill:var(--paper)}
.ground.odd{fill:var(--odd)}
.ground.replica{fill:var(--replica)}
.life{stroke:var(--soft);stroke-width:1.5;opacity:.5}
.tick line{stroke:var(--line)}
.gap rect{fill:url(#broken)}
.op{--hue:var(--put);outline:none;cursor:default}
.op.get{--hue:var(--get)}
.op.delete{--hue:var(--delete)}
.op.compare_and_set{--hue:var(--cas)}
.op.fail{--hue:var(--fail)}
.bar{fill:var(--hue);fill-opacity:.28;stroke:var(--hue);stroke-width:1}
.op.fail .bar{fill:url(#failed);fill-opacity:1}
.maybe{fill:var(--hue);fill-opacity:.1}
.open{stroke:var(--hue);stroke-dasharray:4 3;fill:none}
.arrow{stroke:var(--hue);stroke-width:1.5;fill:none}
.op.fail .label{fill:var(--soft)}
.link{visibility:hidden;stroke:var(--hue);stroke-width:1;stroke-dasharray:2 3}
.asked{stroke:none;fill:var(--hue)}
.dot{fill:var(--hue);stroke:var(--replica);stroke-width:1}
.op.get .dot{fill:var(--replica);stroke:var(--hue);stroke-width:1.5}
.large .link,.op.guilty .link,.op:hover .link,.op:focus .link{visibility:visible}
.op:hover .bar,.op:focus .bar{fill-opacity:.6;stroke-width:2}
.op:focus-visible .bar{stroke:var(--ink);stroke-width:3}
.op.guilty .bar{stroke:var(--guilty);stroke-width:2.5}
.op.guilty .open,.op.guilty .arrow{stroke:var(--guilty)}
.op.guilty .link{stroke:var(--guilty)}
.op.guilty .asked{stroke:none;fill:var(--guilty)}
.number circle{fill:var(--guilty)}
.number text{fill:var(--paper);font-weight:700}
.off{opacity:.07}
.off.guilty{opacity:.4}
tr.off{display:none}
.fault path{fill:var(--soft)}
.fault.down path{fill:var(--down)}
.fault.paused path{fill:var(--paused)}
.fault.cut path{fill:var(--cut)}
.span rect{fill:var(--soft);fill-opacity:.2;stroke:var(--soft)}
.span.down rect{fill:url(#down);fill-opacity:1;stroke:var(--down)}
.span.paused rect{fill:var(--paused);fill-opacity:.3;stroke:var(--paused)}
.span.cut rect{fill:url(#cut);stroke:var(--cut);fill-opacity:1}
.span text{paint-order:stroke;stroke:var(--replica);stroke-width:4px;fill:var(--ink)}
.moment path{stroke:var(--soft);stroke-width:2.5;fill:none}
.moment.down path{stroke:var(--down)}
.legend{display:flex;max-width:none;flex-wrap:wrap;gap:4px 18px;margin:8px 0;padding:0;list-style:none;color:var(--soft);font-size:13px}
.legend li{display:flex;align-items:center;gap:6px}
.tools{display:flex;flex-wrap:wrap;gap:6px 18px;align-items:center;font-size:14px}
.tools[hidden]{display:none}
.sheet{overflow-x:auto;margin:10px 0}
table{border-collapse:collapse;font-size:13px}
caption{text-align:left;font-weight:700;padding:4px 0}
th,td{padding:3px 10px 3px 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;max-width:40ch;
overflow-wrap:break-word}
td:nth-child(6){white-space:nowrap}
td:nth-child(5){overflow-wrap:anywhere;min-width:11ch}
thead th{color:var(--soft);font-weight:600;white-space:nowrap}
tr.guilty>*{background:var(--guilty-soft)}
tr.guilty th{color:var(--guilty);padding-left:6px}
summary{cursor:pointer;font-weight:700;margin:14px 0 4px}
.strips{display:none}
@page{size:landscape;margin:12mm}
@media print{:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#444;--line:#ccc;--odd:#f7f7f7;--replica:#eee;
--put:#2f6fd6;--get:#1a8f63;--delete:#9a5b13;--cas:#7a4bc2;--fail:#777;--guilty:#c81e3a;--guilty-soft:#fdecef;
--ok:#1a7f4b;--unknown:#8a6100;--down:#39414d;--paused:#8d6fc9;--cut:#d98a00}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
body{padding:0;font-size:12px}
.picture,.tools,.words,.skip{display:none}
.strips{display:block}
.strip{width:100%;height:auto;margin-bottom:4mm;break-inside:avoid}
.sheet{overflow:visible}
table{font-size:10px}
tr{break-inside:avoid}}
`;

/** Filter by key, words of what is pointed at, and a start at the guilty. The page says the same without it. */
export const TIMELINE_SCRIPT = `
const all=document.getElementById("all");
const filter=document.getElementById("filter");
for(const tools of document.querySelectorAll(".tools"))tools.hidden=false;
filter?.addEventListener("change",()=>{
for(const item of all.querySelectorAll("[data-k]"))
item.classList.toggle("off",filter.value!==""&&item.dataset.k!==filter.value);
});
const tell=(event)=>{
const op=event.target.closest?.(".op");
const words=op?.closest("figure").querySelector(".words");
if(!words)return;
words.textContent=op.getAttribute("aria-label");
words.classList.add("told");
};
for(const kind of ["mouseover","focusin","click"])document.addEventListener(kind,tell);
const scroll=all?.querySelector(".scroll");
const show=(op)=>{
if(op)scroll.scrollLeft+=op.querySelector(".bar").getBoundingClientRect().left-scroll.getBoundingClientRect().left-120;
};
for(const button of document.querySelectorAll("[data-go]"))button.addEventListener("click",()=>{
const op=document.getElementById("g"+button.dataset.go);
show(op);
op.focus({preventScroll:true});
});
show(document.getElementById("g1"));
addEventListener("beforeprint",()=>{for(const each of document.querySelectorAll("details"))each.open=true;});
`;

/** What the page lets run: this script and no other. The hash is that of \`TIMELINE_SCRIPT\`; a test holds them together. */
export const TIMELINE_SCRIPT_HASH = "sha256-xm2yD+38SURH8K7t2AMHQiZ1z4xEqL18tgWgcn7Qu1c=";
