"""Serves Presidio's analyzer over HTTP, with a small spaCy pipeline that knows a few names.

Usage: serve_names.py FOLDER NAMES

NAMES is JSON: each name and its kind. The pipeline is written to FOLDER and read from there as any model would be. Finding, places,
scores, thresholds and what is refused are Presidio's own; its REST server is in its images and not in its package, so the two routes
that are asked are here. Prints the port once it listens, on loopback.
"""

import json
import sys
from pathlib import Path

import presidio_analyzer
import spacy
import yaml
from flask import Flask, jsonify, request
from presidio_analyzer import AnalyzerEngineProvider
from werkzeug.serving import make_server

LABELS = {"PERSON": "PERSON", "LOCATION": "GPE", "ORGANIZATION": "ORG"}


def engine_of(folder, names):
    """An engine with the configuration of Presidio's own image, but for the model."""
    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": LABELS[kind], "pattern": name} for name, kind in names.items()])
    pipeline.to_disk(folder / "model")
    stock = Path(presidio_analyzer.__file__).parent / "conf"
    nlp = yaml.safe_load((stock / "default.yaml").read_text())
    nlp["models"] = [{"lang_code": "en", "model_name": str(folder / "model")}]
    (folder / "nlp.yaml").write_text(yaml.safe_dump(nlp))
    return AnalyzerEngineProvider(
        analyzer_engine_conf_file=stock / "default_analyzer.yaml",
        nlp_engine_conf_file=folder / "nlp.yaml",
        recognizer_registry_conf_file=stock / "default_recognizers.yaml",
    ).create_engine()


def app_of(engine):
    """What the sidecar asks: one text at a time, and what is looked for."""
    app = Flask("names")

    @app.post("/analyze")
    def analyze():
        asked = request.get_json()
        wanted = {name: asked[name] for name in ("text", "language", "entities", "score_threshold") if name in asked}
        found = engine.analyze(**wanted)
        return jsonify([{"entity_type": one.entity_type, "start": one.start, "end": one.end, "score": one.score} for one in found])

    @app.get("/supportedentities")
    def supported():
        return jsonify(engine.get_supported_entities(request.args["language"]))

    @app.errorhandler(Exception)
    def failed(error):
        return jsonify(error=str(error)), getattr(error, "code", 500)

    return app


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, app_of(engine_of(Path(sys.argv[1]), json.loads(sys.argv[2]))), threaded=True)
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()
