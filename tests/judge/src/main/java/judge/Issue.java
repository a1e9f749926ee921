package judge;

import org.hl7.fhir.utilities.validation.ValidationMessage;

/** One finding; `expression` is the place in the resource, line and column that in the file (-1 if unknown). */
record Issue(String severity, String expression, int line, int col, String messageId, String message) {

    static Issue of(ValidationMessage m) {
        return new Issue(m.getLevel().toCode(), m.getLocation(), m.getLine(), m.getCol(), m.getMessageId(), m.getMessage());
    }

    static Issue crash(Throwable t) {
        return new Issue("fatal", null, -1, -1, "JUDGE_CRASH", t.toString());
    }

    Issue asError() {
        return new Issue("error", expression, line, col, messageId, message);
    }

    boolean isError() {
        return severity.equals("error") || severity.equals("fatal");
    }
}
