// The API page at /docs: Swagger UI over the backend's own /openapi.json. Nothing comes from another host.
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";

SwaggerUI({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  // A token stays in this page's memory; one that is stored outlives the tab.
  persistAuthorization: false,
  // The validator is another host's.
  validatorUrl: null,
});
