"""
The addresses of this app. No name of anybody stands in one: a record's is its key.
"""

from django.urls import URLPattern, URLResolver, path

from followups import board_pages, programme_pages, record_pages, report_pages, survey_pages, worker_pages

urlpatterns: list[URLPattern | URLResolver] = [
    path("care/", board_pages.board, name="care-board"),
    path("care/rows/", board_pages.board_rows, name="care-board-rows"),
    path("care/sw.js", worker_pages.worker, name="care-worker"),
    path("care/people/", record_pages.people, name="care-people"),
    path("care/people/<uuid:client>/", record_pages.record, name="care-record"),
    path("care/people/<int:number>/", record_pages.record_by_number, name="care-record-by-number"),
    path("care/survey/", survey_pages.surveys, name="care-survey"),
    path("care/programme/", programme_pages.programme, name="care-programme"),
    path("care/reports/", report_pages.reports, name="care-reports"),
    path("care/reports/rows/", report_pages.report_rows, name="care-report-rows"),
    path("care/reports/<uuid:report>/", report_pages.report_read, name="care-report-read"),
    path("care/<slug:name>/", board_pages.care_list, name="care-list"),
    path("care/<slug:name>/rows/", board_pages.care_list_rows, name="care-list-rows"),
    path("say/", survey_pages.enter, name="survey-enter"),
    path("say/<str:code>/", survey_pages.survey, name="survey"),
]
