// The orders page: choose an order, see its zones.
import { MapView } from "./map_view.js";
import { text } from "./texts.js";

const root = document.querySelector("[data-orders-page]");
const facts = root.dataset;
const orders = new Map(JSON.parse(facts.orders).map((order) => [order.order_id, order]));
let map = null;

function choose(orderId) {
  for (const button of root.querySelectorAll("[data-order-id]")) button.setAttribute("aria-current", String(button.dataset.orderId === orderId));
  map?.drawZones(orders.get(orderId)?.zones ?? { features: [] });
}

root.addEventListener("click", (event) => {
  const button = event.target.closest("[data-order-id]");
  if (button) choose(button.dataset.orderId);
});

if (facts.baseLayer) {
  MapView.open(root.querySelector("[data-map]"), facts.baseLayer, () => {}).then(
    (opened) => {
      map = opened;
      root.dataset.mapReady = "true";
      const first = root.querySelector("[data-order-id]");
      if (first) choose(first.dataset.orderId);
    },
    (error) => {
      console.warn(error);
      const note = root.querySelector("[data-map-note]");
      note.textContent = text("map.failed");
      note.hidden = false;
    },
  );
}
