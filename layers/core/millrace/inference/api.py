"""The API: every route, from an event to an answer, its measures and a line for the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from millrace.errors import (
    InvalidRequest,
    MillraceError,
    NotDeployed,
    Throttled,
    UnreadableState,
)
from millrace.features.item import iso_ms
from millrace.features.plan import Plan
from millrace.features.version import features_version
from millrace.inference import records
from millrace.inference.call import Call, Clock, Measure, within
from millrace.inference.contract import (
    ModelAnswer,
    PredictRequest,
    batch_request,
    feedback_request,
    payload,
    predict_request,
    user_id,
)
from millrace.inference.http import (
    UNREADABLE,
    Answer,
    Request,
    answer,
    json_body,
    problem,
    raw_answer,
    request_of,
)
from millrace.inference.model import Model
from millrace.inference.profiles import Found, Profiles
from millrace.inference.records import RecordStream
from millrace.inference.served import Served, served

# The longest that a record of an inference may hold up the answer, and its share of the deadline.
RECORD_S, _RECORD_SHARE = 0.2, 0.2
# Of Lambda's own time this much stays for the answer's way out.
_RESERVE_MS = 100

Route = Callable[[Request, Call], Answer]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: the answer, figures for the metrics, a line for the log.

    `problem` says what went wrong inside, for people; an answer that is the caller's own fault
    has none.
    """

    answer: Answer
    measures: Sequence[Measure]
    summary: dict[str, object]
    problem: str | None


class Api:
    """Answers requests, each within `deadline_ms`, whatever hangs.

    `refuse_unknown` answers 404 for users of whom nothing is known, instead of the features of an
    empty profile.
    """

    def __init__(
        self,
        plan: Plan,
        profiles: Profiles,
        model: Model,
        clock: Clock,
        *,
        stream: RecordStream | None = None,
        deadline_ms: int = 2_500,
        refuse_unknown: bool = False,
    ) -> None:
        self.version = features_version(plan)
        self._plan = plan
        self._profiles = profiles
        self._model = model
        self._stream = stream
        self._deadline_s = deadline_ms / 1000
        self._record_s = min(RECORD_S, self._deadline_s * _RECORD_SHARE) if stream else 0.0
        self._refuse_unknown = refuse_unknown
        self._clock = clock
        self._routes: dict[str, Route] = {
            "POST /predict": self._predict,
            "GET /features/{userId}": self._features,
            "POST /features": self._batch,
            "POST /feedback": self._feedback,
            "GET /openapi.json": self._openapi,
        }

    def handle(self, event: object, remaining_ms: int | None = None) -> Outcome:
        """The outcome of a request; `remaining_ms` is the time that Lambda leaves for it."""
        seconds = self._deadline_s
        if remaining_ms is not None:
            seconds = min(seconds, (remaining_ms - _RESERVE_MS) / 1000)
        call = Call(seconds, self._clock.monotonic_s)
        begun_s = call.now_s()
        route, wrong = "", None
        try:
            request = request_of(event)
            route = request.route if request.route in self._routes else ""
            response = self._route(request)(request, call)
        except MillraceError as error:
            response = problem(error, call.stage)
            wrong = (
                None if isinstance(error, InvalidRequest) else f"{type(error).__name__}: {error}"
            )
            if call.stage == "endpoint":
                call.count(_counted_as(error))
        call.count(f"Status{response['statusCode'] // 100}xx")
        if route == "POST /predict":
            call.took("PredictLatency", begun_s)
        return Outcome(response, call.measures, _summary(route, response, call), wrong)

    def _route(self, request: Request) -> Route:
        found = self._routes.get(request.route)
        if found is None:
            routes = ", ".join(self._routes)
            raise InvalidRequest(404, "not-found", f"There is no such route; there are {routes}")
        return found

    # ---- POST /predict ------------------------------------------------------------------------

    def _predict(self, request: Request, call: Call) -> Answer:
        asked = predict_request(json_body(request))
        prediction_id = self._clock.new_id()
        used, answered = within(
            call.left_s - self._record_s, lambda: self._prediction(asked, prediction_id, call)
        )
        self._record(asked, prediction_id, used, answered, call)
        call.count("Predictions")
        return answer(
            200,
            {
                "predictionId": prediction_id,
                **self._view(used),
                "prediction": orjson.Fragment(answered.prediction),
                "model": records.model_of(self._model.name, answered),
            },
        )

    def _prediction(
        self, asked: PredictRequest, prediction_id: str, call: Call
    ) -> tuple[Served, ModelAnswer]:
        used = self._served(asked.user_id, call)
        call.stage = "endpoint"
        body = payload(asked.user_id, used.features, asked.input)
        return used, self._model.ask(body, prediction_id, call)

    def _record(
        self,
        asked: PredictRequest,
        prediction_id: str,
        used: Served,
        answered: ModelAnswer,
        call: Call,
    ) -> None:
        """Put the record of an inference; the answer does not depend on it."""
        stream = self._stream
        if stream is None:
            return
        call.stage = "record"
        data = records.inference(
            prediction_id,
            asked.input,
            used,
            answered,
            features_version=self.version,
            endpoint=self._model.name,
        )
        try:
            within(
                min(self._record_s, call.left_s), lambda: stream.record(data, asked.user_id, call)
            )
        except MillraceError as error:
            call.count("InferenceRecordLost")
            call.note(f"the record of {prediction_id} is lost: {error}")

    # ---- features -----------------------------------------------------------------------------

    def _features(self, request: Request, call: Call) -> Answer:
        user = user_id(request.path_user, "userId")
        return answer(200, self._view(within(call.left_s, lambda: self._served(user, call))))

    def _batch(self, request: Request, call: Call) -> Answer:
        users = batch_request(json_body(request))
        return answer(200, {"users": within(call.left_s, lambda: self._views(users, call))})

    def _views(self, users: Sequence[str], call: Call) -> list[dict[str, Any]]:
        call.stage = "features"
        found = self._profiles.many(users, call)
        now_ms = self._clock.now_ms()
        return [self._view_of(user, found[user], now_ms, call) for user in users]

    def _view_of(self, user: str, found: Found, now_ms: int, call: Call) -> dict[str, Any]:
        """One user of several; what is wrong with one is no matter for the others."""
        try:
            if isinstance(found, UnreadableState):
                raise found
            return self._view(self._known(served(user, found, self._plan, now_ms), call))
        except InvalidRequest as error:
            return {"userId": user, "error": error.code, "message": str(error)}
        except UnreadableState as error:
            call.note(f"the state of a user in a batch cannot be read: {error}")
            return {"userId": user, "error": "features-unreadable", "message": UNREADABLE}

    def _served(self, user: str, call: Call) -> Served:
        call.stage = "features"
        profile = self._profiles.one(user, call)
        used = self._known(served(user, profile, self._plan, self._clock.now_ms()), call)
        if used.age_ms is not None:
            call.timed("FeatureAge", used.age_ms)
        return used

    def _known(self, found: Served, call: Call) -> Served:
        if not found.known:
            call.count("UnknownUsers")
            if self._refuse_unknown:
                message = "Nothing is known of this user: no event of theirs has come yet"
                raise InvalidRequest(404, "unknown-user", message, "userId")
        return found

    def _view(self, used: Served) -> dict[str, Any]:
        return {
            "userId": used.user_id,
            "known": used.known,
            "features": used.features,
            "featuresAsOf": iso_ms(used.as_of_ms),
            "featureAgeMs": used.age_ms,
            "featuresVersion": self.version,
        }

    # ---- the rest -----------------------------------------------------------------------------

    def _feedback(self, request: Request, call: Call) -> Answer:
        given = feedback_request(json_body(request), self._clock.now_ms())
        stream = self._stream
        call.stage = "feedback"
        if stream is None:
            raise NotDeployed(
                "feedback-none",
                "Feedback is not kept: this stack was deployed with InferenceLog=off",
            )
        key = given.user_id or given.prediction_id
        within(call.left_s, lambda: stream.feedback(records.feedback(given), key, call))
        return answer(202, {"accepted": True, "predictionId": given.prediction_id})

    def _openapi(self, request: Request, call: Call) -> Answer:
        # Hardly ever asked for, so not read at the start.
        from millrace.inference.openapi import document_text

        return raw_answer(200, document_text(), cache_control="max-age=300")


def _counted_as(error: MillraceError) -> str:
    return "EndpointThrottles" if isinstance(error, Throttled) else "EndpointErrors"


def _summary(route: str, response: Answer, call: Call) -> dict[str, object]:
    summary: dict[str, object] = {"route": route, "status": response["statusCode"]}
    summary.update((measure.name, round(measure.value, 1)) for measure in call.measures)
    if call.notes:
        summary["notes"] = call.notes
    return summary
