// Decodes the offline base layer: quantised arcs, each border once, into what MapLibre draws.
export function decode(layer, language) {
  const [kx, ky] = layer.transform.scale, [dx, dy] = layer.transform.translate;
  const arcs = layer.arcs.map((steps) => {
    const points = [];
    for (let i = 0, x = 0, y = 0; i < steps.length; i += 2) points.push([(x += steps[i]) * kx + dx, (y += steps[i + 1]) * ky + dy]);
    return points;
  });
  const ring = (indices) => {
    const points = [];
    for (const index of indices) {
      const arc = index >= 0 ? arcs[index] : arcs[~index].slice().reverse();
      for (let i = points.length ? 1 : 0; i < arc.length; i++) points.push(arc[i]);
    }
    return points;
  };
  const feature = (type, coordinates, properties) => ({ type: "Feature", geometry: { type, coordinates }, properties });
  const collect = (features) => ({ type: "FeatureCollection", features });
  return {
    land: collect(layer.municipalities.map((m) => feature("MultiPolygon", m.rings.map((polygon) => polygon.map(ring)), { built: m.built }))),
    borders: collect(arcs.map((arc, i) => feature("LineString", arc, { rank: layer.ranks[i] }))),
    labels: collect(layer.municipalities.map((m) => feature("Point", m.at, { name: m[language], people: m.people }))),
  };
}
