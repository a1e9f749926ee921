package judge;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Judges FHIR R4 files with HL7's own validator, offline: one JSON line a file on stdout. */
public class Judge {
    private static final String USAGE = """
        run [--profiles DIR|FILE]... [--definition TYPE]... [--exit-zero] [--bench N [--warmup N] [--reuse]] FILE|DIR...
          one JSON line a file: {file, errors, warnings, issues: [{severity, expression, line, col, messageId, message}]}
          --profiles   more definitions (the project's own and HL7 Finland's are always there)
          --definition R4's own StructureDefinition of a type, one JSON line before the verdicts
          --exit-zero  0 even if a file has errors; otherwise 1
          --bench      how long each file takes instead, as the median of N passes: {file, errors, median_us}
          --warmup     passes before them (default 20)
          --reuse      one validator for all files, at its fastest; it remembers more and more""";

    private record Time(String file, long errors, double median_us) {}

    private record Verdict(String file, long errors, long warnings, List<Issue> issues) {
        static Verdict of(Path file, List<Issue> issues) {
            long errors = issues.stream().filter(Issue::isError).count();
            long warnings = issues.stream().filter(i -> i.severity().equals("warning")).count();
            return new Verdict(file.toString(), errors, warnings, issues);
        }
    }

    public static void main(String[] args) throws IOException {
        long start = System.currentTimeMillis();
        var profiles = new ArrayList<Path>();
        var files = new ArrayList<Path>();
        var types = new ArrayList<String>();
        boolean exitZero = false;
        boolean reuse = false;
        int bench = 0;
        int warmup = 20;
        for (int i = 0; i < args.length; i++) {
            switch (args[i]) {
                case "--profiles" -> profiles.add(Path.of(i + 1 < args.length ? args[++i] : usage()));
                case "--definition" -> types.add(i + 1 < args.length ? args[++i] : usage());
                case "--exit-zero" -> exitZero = true;
                case "--reuse" -> reuse = true;
                case "--bench" -> bench = Integer.parseInt(i + 1 < args.length ? args[++i] : usage());
                case "--warmup" -> warmup = Integer.parseInt(i + 1 < args.length ? args[++i] : usage());
                case "-h", "--help" -> {
                    System.out.println(USAGE);
                    return;
                }
                default -> files.addAll(Definitions.files(Path.of(args[i].startsWith("--") ? usage() : args[i])));
            }
        }
        if (files.isEmpty()) {
            usage();
        }

        // What libraries print belongs to stderr; stdout is the verdicts'.
        var out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        System.setOut(System.err);

        var validator = new Validator(Definitions.load(profiles), reuse);
        for (String type : types) {
            out.println(validator.definition(type));
        }
        var json = new ObjectMapper();
        if (bench > 0) {
            for (Time time : times(validator, files, warmup, bench)) {
                out.println(json.writeValueAsString(time));
            }
            System.exit(0);
        }
        int failed = 0;
        for (Path file : files) {
            Verdict verdict = Verdict.of(file, validator.validate(Files.readAllBytes(file)));
            out.println(json.writeValueAsString(verdict));
            failed += verdict.errors > 0 ? 1 : 0;
        }
        System.err.printf(
                "judge: %d files, %d with errors, %d s%n",
                files.size(), failed, (System.currentTimeMillis() - start) / 1000);
        System.exit(failed > 0 && !exitZero ? 1 : 0);
    }

    /** Every file in every pass, so that none is alone in the caches. */
    private static List<Time> times(Validator validator, List<Path> files, int warmup, int bench) throws IOException {
        var contents = new ArrayList<byte[]>();
        for (Path file : files) {
            contents.add(Files.readAllBytes(file));
        }
        var errors = new long[files.size()];
        var samples = new long[files.size()][bench];
        for (int pass = -warmup; pass < bench; pass++) {
            for (int i = 0; i < samples.length; i++) {
                long begin = System.nanoTime();
                var issues = validator.validate(contents.get(i));
                long took = System.nanoTime() - begin;
                errors[i] = issues.stream().filter(Issue::isError).count();
                if (pass >= 0) {
                    samples[i][pass] = took;
                }
            }
        }
        var times = new ArrayList<Time>();
        for (int i = 0; i < samples.length; i++) {
            Arrays.sort(samples[i]);
            times.add(new Time(files.get(i).toString(), errors[i], samples[i][bench / 2] / 1000.0));
        }
        return times;
    }

    private static String usage() {
        System.err.println(USAGE);
        System.exit(64);
        return "";
    }
}
