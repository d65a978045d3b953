"""The custom element `<product-recommendations>`: one hand-written ES module, no build step."""
