// Leaflet is served from node_modules under its own name; its types come from @types/leaflet.
declare module "*/leaflet/leaflet-src.esm.js" {
  export * from "leaflet";
}
