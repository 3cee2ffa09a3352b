"""Serves Presidio's analyzer over HTTP, with a small spaCy pipeline that knows a few names.

Usage: serve_names.py FOLDER NAMES

NAMES is JSON: each name and its kind. The pipeline is written to FOLDER and read from there as any model would be. Finding, places,
scores, thresholds and errors are Presidio's own. Its REST server is in its images and not in its package, so the routes are here
once more, as its API documentation has them. Prints the port once it listens, on loopback.
"""

import json
import sys
from pathlib import Path

import presidio_analyzer
import spacy
import yaml
from flask import Flask, Response, jsonify, request
from presidio_analyzer import AnalyzerEngineProvider, AnalyzerRequest, BatchAnalyzerEngine
from werkzeug.exceptions import HTTPException
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
    """The routes."""
    app = Flask("presidio-analyzer")
    batches = BatchAnalyzerEngine(engine)

    @app.route("/health")
    def health():
        return "Presidio Analyzer service is up"

    @app.route("/analyze", methods=["POST"])
    def analyze():
        try:
            asked = AnalyzerRequest(request.get_json())
            if not asked.text:
                raise Exception("No text provided")
            if not asked.language:
                raise Exception("No language provided")
            engine.get_supported_entities(asked.language)
            many = isinstance(asked.text, list)
            found = list(
                batches.analyze_iterator(
                    texts=asked.text if many else [asked.text],
                    language=asked.language,
                    correlation_id=asked.correlation_id,
                    score_threshold=asked.score_threshold,
                    entities=asked.entities,
                    return_decision_process=asked.return_decision_process,
                    ad_hoc_recognizers=asked.ad_hoc_recognizers,
                    context=asked.context,
                    allow_list=asked.allow_list,
                    allow_list_match=asked.allow_list_match,
                    regex_flags=asked.regex_flags,
                )
            )
            for results in found:
                for result in results:
                    del result.recognition_metadata
            body = json.dumps(found if many else found[0], default=lambda one: one.to_dict(), sort_keys=True)
            return Response(body, content_type="application/json")
        except TypeError as error:
            return jsonify(error=f"Failed to parse /analyze request for AnalyzerEngine.analyze(). {error.args[0]}"), 400
        except Exception as error:
            return jsonify(error=error.args[0]), 500

    @app.route("/supportedentities", methods=["GET"])
    def supported():
        try:
            return jsonify(engine.get_supported_entities(request.args.get("language"))), 200
        except Exception as error:
            return jsonify(error=error.args[0]), 500

    @app.errorhandler(HTTPException)
    def refused(error):
        return jsonify(error=error.description), error.code

    return app


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, app_of(engine_of(Path(sys.argv[1]), json.loads(sys.argv[2]))), threaded=True)
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()
