"""`/v1/feedback`: what clients think of answers, counted for the version that gave them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from seald.api.bodies import read_object, validate
from seald.api.metrics import Metrics
from seald.api.paging import AfterNumber, Limit
from seald.api.services import Wired
from seald.api.shapes import FeedbackDetail, FeedbackObject, Listing
from seald.domain.feedback import Rating

MOST_CHARACTERS = 2000


class FeedbackRequest(BaseModel):
    """`request_id` is the `x-request-id` of the answer."""

    model_config = ConfigDict(strict=True, extra="forbid")

    request_id: str = Field(min_length=1, max_length=128)
    rating: Rating
    comment: str | None = Field(None, max_length=MOST_CHARACTERS)

    @field_validator("rating", mode="before")
    @classmethod
    def _a_whole_number(cls, given: Any) -> Any:
        # To Python `true` and 1.0 are 1, and a literal takes them for it.
        return given if type(given) is int else None


async def read_feedback(request: Request) -> FeedbackRequest:
    """The body of a rating."""
    return validate(FeedbackRequest, await read_object(request))


def router(metrics: Metrics) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["feedback"])

    @routes.post("/v1/feedback", status_code=201, responses={200: {"model": FeedbackObject}})
    def rate(
        asked: Annotated[FeedbackRequest, Depends(read_feedback)], response: Response, services: Wired
    ) -> FeedbackObject:
        """Rate an answer: 201. Rated before, the new rating and comment take the place of the old: 200."""
        answer = services.answers.find(asked.request_id)
        given, first = services.feedback.rate(answer, asked.rating, asked.comment)
        metrics.rated(given.collection, "up" if given.rating > 0 else "down")
        response.status_code = 201 if first else 200
        return FeedbackObject.of(given)

    @routes.get("/v1/feedback")
    def list_feedback(
        services: Wired, collection: str | None = None, after: AfterNumber = 0, limit: Limit = 20
    ) -> Listing[FeedbackDetail]:
        """Every rating, with its comment, oldest first."""
        page = services.feedback.page(collection=collection, after=after, limit=limit)
        return Listing(data=[FeedbackDetail.numbered(*item) for item in page.data], has_more=page.has_more)

    return routes
